import type { Equivalent } from './equivalent.ts';

export const TOKENS_EQUIVALENT: readonly Equivalent[] = [];
