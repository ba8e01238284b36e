import type { Equivalent } from './equivalent.ts';

export const PROXY_EQUIVALENT: readonly Equivalent[] = [];
