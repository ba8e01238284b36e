import type { Scenario } from '../scenario.ts';
import { expiries } from './expiries.ts';

/** In the order in which they run. */
export const SCENARIOS: readonly Scenario[] = [expiries];
