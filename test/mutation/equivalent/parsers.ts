import type { Equivalent } from './equivalent.ts';

export const PARSERS_EQUIVALENT: readonly Equivalent[] = [];
