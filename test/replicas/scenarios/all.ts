import type { Scenario } from '../scenario.ts';
import { expiries } from './expiries.ts';
import { failover } from './failover.ts';

/** In the order in which they run. */
export const SCENARIOS: readonly Scenario[] = [expiries, failover];
