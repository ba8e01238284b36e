import type { Equivalent } from './equivalent.ts';

export const GATE_EQUIVALENT: readonly Equivalent[] = [];
