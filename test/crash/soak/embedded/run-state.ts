import type { Child } from '../../../harness/child.ts';
import type { Random } from '../../../harness/random.ts';
import type { FaultProxy } from '../../../support/fault-proxy.ts';
import type { Stage } from '../../stage.ts';
import type { Vitals } from './vitals.ts';

/** What a soak has counted, and what was wrong. */
export interface Soak {
  readonly stage: Stage;
  readonly survivor: Child;
  readonly links: { readonly upstream: FaultProxy; readonly endpoint: FaultProxy };
  readonly random: Random;
  readonly wrong: string[];
  readonly vitals: Vitals[];
  /** How often each refresh token has arrived, over all windows. */
  readonly arrivals: Map<string, number>;
  readonly counts: {
    requests: number;
    answered: number;
    logins: number;
    refreshes: number;
    kills: number;
    linkFaults: number;
    endpointFaults: number;
  };
  /** Callers hold still while the ledgers are joined. */
  paused: boolean;
  over: boolean;
}
