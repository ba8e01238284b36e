import type { Scenario } from '../scenario.ts';
import { cutOff } from './cut-off.ts';
import { expiries } from './expiries.ts';
import { failover } from './failover.ts';
import { rollingRestart } from './rolling-restart.ts';
import { rollingWorkers } from './rolling-workers.ts';
import { stoppedHolder } from './stopped-holder.ts';

/** In the order in which they run, but for those that mostly wait: they run beside the others. */
export const SCENARIOS: readonly Scenario[] = [
  expiries,
  failover,
  cutOff,
  rollingRestart,
  rollingWorkers,
  stoppedHolder,
];
