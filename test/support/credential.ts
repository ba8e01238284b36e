import { randomBytes } from 'node:crypto';
import type { Credential, FailureReason, Outcome, Reach } from '../../src/tokens/credential.ts';
import { TokenManager, type ManagerOptions, type RenewalReport } from '../../src/tokens/manager.ts';
import type { RenewalKind } from '../../src/tokens/record-marks.ts';
import { Records } from '../../src/tokens/records.ts';
import { Seal, sealingKey } from '../../src/tokens/seal.ts';
import type { Grant, Token } from '../../src/tokens/token.ts';
import { FakeClock } from './clock.ts';
import { MemoryStore } from './memory-store.ts';

type Answer = Outcome | (() => Outcome | Promise<Outcome>);

/** A credential without a token endpoint: each call gets the next of `answers`, or a grant where none is left. */
export interface FakeCredential extends Credential {
  readonly calls: RenewalKind[];
  /** The refresh tokens that were spent, in order. */
  readonly spent: (string | undefined)[];
  readonly answers: Answer[];
}

let made = 0;

/** A grant with secrets of its own; `lifetime` in seconds. */
export function granted(grant: Partial<Grant> = {}): Outcome {
  made += 1;
  return {
    kind: 'granted',
    grant: {
      secret: `access-${made}`,
      refreshSecret: `refresh-${made}`,
      lifetime: 3_600,
      refreshLifetime: undefined,
      ...grant,
    },
  };
}

export const refused: Outcome = { kind: 'refused', reason: 'status 401' };

/** `reach` follows from `maybeSpent` and the reason if it is not given: a 5xx was answered, `connect` was not sent. */
export function failed(
  options: { reason?: FailureReason; reach?: Reach; maybeSpent?: boolean; retryAfter?: number } = {},
): Outcome {
  const { reason = 'status_5xx', maybeSpent = false } = options;
  const reach =
    options.reach ??
    (reason.startsWith('status') || reason === 'malformed' ? 'answered' : maybeSpent ? 'unanswered' : 'unsent');
  return { kind: 'failed', reason, reach, maybeSpent, retryAfter: options.retryAfter };
}

export function fakeCredential(change: Partial<Credential> = {}, ...answers: Answer[]): FakeCredential {
  const calls: RenewalKind[] = [];
  const spent: (string | undefined)[] = [];
  const next = async (kind: RenewalKind): Promise<Outcome> => {
    calls.push(kind);
    const answer = answers.shift() ?? granted();
    return typeof answer === 'function' ? answer() : answer;
  };
  return {
    account: 'crm',
    flow: 'test',
    identity: 'who',
    credentialsFingerprint: 'which',
    staticToken: undefined,
    renew: 'on-demand',
    canLogin: true,
    canRefresh: true,
    budget: undefined,
    rotationGrace: 0,
    login: () => next('login'),
    refresh(current: Token) {
      spent.push(current.revealRefresh());
      return next('refresh');
    },
    ...change,
    calls,
    spent,
    answers,
  };
}

/** What the manager's observer was told. */
export interface Observed {
  readonly renewed: string[];
  readonly suppressed: string[];
  readonly storeFailed: string[];
}

type More = Partial<Omit<ManagerOptions, 'store' | 'clock'>>;

export interface Managed {
  readonly manager: TokenManager;
  readonly store: MemoryStore;
  readonly records: Records;
  readonly clock: FakeClock;
  readonly observed: Observed;
  /** One more manager over the same store: another process, or this one after a restart. */
  restart(credential: Credential, options?: More): Promise<Managed>;
}

const KEY = sealingKey(randomBytes(32).toString('base64'));

/** A manager over a store in memory, with a clock that stands still. */
export async function managed(
  credential: Credential | readonly Credential[],
  options: More & { store?: MemoryStore; clock?: FakeClock } = {},
): Promise<Managed> {
  const store = options.store ?? new MemoryStore();
  const clock = options.clock ?? new FakeClock();
  const records = new Records(store, new Seal(KEY), clock);
  const observed: Observed = { renewed: [], suppressed: [], storeFailed: [] };
  const observer = {
    renewed: (_credential: Credential, { kind, outcome }: RenewalReport) =>
      void observed.renewed.push(`${kind} ${outcome}`),
    suppressed: (_credential: Credential, reason: string) => void observed.suppressed.push(reason),
    changed: () => undefined,
    storeFailed: (operation: string) => void observed.storeFailed.push(operation),
  };
  const manager = new TokenManager(
    Array.isArray(credential) ? (credential as readonly Credential[]) : [credential as Credential],
    { records, observer, random: () => 0.5, maxAccounts: 10, ...options, store, clock },
  );
  await manager.load();
  return {
    manager,
    store,
    records,
    clock,
    observed: observed,
    restart: (again, more) => managed(again, { ...options, store, clock, ...more }),
  };
}
