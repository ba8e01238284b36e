import type { Equivalent } from './equivalent.ts';

export const STORES_EQUIVALENT: readonly Equivalent[] = [];
