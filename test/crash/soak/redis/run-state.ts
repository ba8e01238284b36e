import type { Random } from '../../../harness/random.ts';
import type { Account } from './accounts.ts';
import type { Excuses } from './excuses.ts';
import type { CrowdedRedis } from './crowded-redis.ts';
import type { Samples } from './samples.ts';
import type { Replica } from './replica.ts';

/** What a soak over Redis consists of, and what it has counted. */
export interface RedisSoak {
  readonly redis: CrowdedRedis;
  readonly accounts: readonly Account[];
  /** Of each tokenward. */
  readonly workers: number;
  /** Nobody touches it: its processes live as long as the run. */
  readonly undisturbed: Replica;
  /** Its workers are killed and replaced; its primary lives as long as the run. */
  readonly survivor: Replica;
  /** Killed as a whole, again and again. */
  readonly victim: Replica;
  readonly random: Random;
  readonly samples: Samples;
  readonly excuses: Excuses;
  readonly wrong: Set<string>;
  readonly counts: Counts;
  /** Clients hold still while the ledgers are joined. */
  paused: boolean;
  over: boolean;
}

export interface Counts {
  requests: number;
  answered: number;
  /** Of healthy accounts: requests, and those that failed with an excuse. */
  healthy: number;
  excused: number;
  kills: number;
  workerKills: number;
  reloads: number;
  linkFaults: number;
  evictions: number;
  /** Refresh tokens that came twice after their record or lease was evicted. */
  excusedSpends: number;
}

export const NO_COUNTS: Counts = {
  requests: 0,
  answered: 0,
  healthy: 0,
  excused: 0,
  kills: 0,
  workerKills: 0,
  reloads: 0,
  linkFaults: 0,
  evictions: 0,
  excusedSpends: 0,
};
