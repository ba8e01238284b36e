import { LEASE_TTL_MS, LEASE_WAIT_MS } from '../deadlines.ts';
import { systemTimers, type Clock, type Timers } from './clock.ts';
import type { Credential } from './credential.ts';
import type { CredentialRecord, Records } from './records.ts';
import type { TokenStore } from './store.ts';
import { Token } from './token.ts';

/** Interval between requests for a lease that another process holds. ms. */
const LEASE_POLL_INTERVAL_MS = 100;
/**
 * A process without the lease may write between this read and write: a running one that notes a refusal, for example.
 */
const MAX_WRITES = 5;

/** What a person imports: a refresh token, and the access token that was issued with it if there is one. */
export interface ImportedGrant {
  readonly refreshSecret: string;
  readonly secret: string | undefined;
  /** Wall-clock ms; undefined: the access token is used until an upstream rejects it. */
  readonly expiresAt: number | undefined;
}

export interface ImportOptions {
  /** Names this process in the lease. */
  readonly owner: string;
  readonly clock: Clock;
  readonly timers?: Timers;
  /** How long to wait for the lease, ms. */
  readonly wait?: number;
}

/** A running process holds the account's lease and does not release it. Nothing was written. */
export class AccountBusyError extends Error {
  override readonly name = 'AccountBusyError';
}

/**
 * Writes a token that was obtained elsewhere as the account's next generation, so that a running process takes it over
 * at its next renewal. What prevented renewals (a spend note, refused credentials, a pause) is removed: it was about
 * another token. Resolves with the new generation. Rejects with an AccountBusyError or a StoreError.
 */
export async function importToken(
  store: TokenStore,
  records: Records,
  credential: Credential,
  grant: ImportedGrant,
  options: ImportOptions,
): Promise<number> {
  const { account } = credential;
  const { owner, clock } = options;
  // Not during a renewal: one of the two tokens would overwrite the other.
  await takeLease(store, account, options);
  try {
    for (let left = MAX_WRITES; left > 0; left -= 1) {
      const record = await records.read(account, credential.identity);
      const generation = record.generation + 1;
      const saved = await records.replace(account, imported(record, credential, tokenOf(generation, grant, clock)));
      if (saved !== undefined) return generation;
    }
  } finally {
    await store.releaseLease(account, owner);
  }
  throw new AccountBusyError(
    `The record of ${account} is being changed by a running tokenward. Nothing was imported; try again.`,
  );
}

async function takeLease(
  store: TokenStore,
  account: string,
  { owner, clock, timers = systemTimers, wait = LEASE_WAIT_MS }: ImportOptions,
): Promise<void> {
  const until = clock.monotonic() + wait;
  while (!(await store.acquireLease(account, owner, LEASE_TTL_MS))) {
    if (clock.monotonic() >= until) {
      throw new AccountBusyError(
        `A running tokenward is renewing ${account} and has not finished. Nothing was imported; try again in ` +
          'half a minute.',
      );
    }
    await new Promise<void>((resolve) => void timers.after(LEASE_POLL_INTERVAL_MS, resolve));
  }
}

function imported(record: CredentialRecord, { identity }: Credential, token: Token): CredentialRecord {
  return {
    ...record,
    generation: token.generation,
    identity,
    token,
    intent: undefined,
    dead: undefined,
    failures: 0,
    retryAt: undefined,
    refreshFailures: 0,
    gaveUpAt: undefined,
    doubt: undefined,
  };
}

function tokenOf(generation: number, { refreshSecret, secret, expiresAt }: ImportedGrant, clock: Clock): Token {
  const now = clock.wall();
  // Without an access token the token expires at once, so that the first use is a refresh.
  const end = secret === undefined ? now : expiresAt;
  const deadline = end === undefined ? Infinity : clock.monotonic() + end - now;
  return new Token(
    { generation, obtainedAt: now, expiresAt: end, refreshExpiresAt: undefined, deadline },
    secret ?? '',
    refreshSecret,
  );
}
