import type { Clock } from './clock.ts';
import type { Credential } from './credential.ts';
import { AccountBusyError, holdingLease, type HoldLeaseOptions } from './held-lease.ts';
import type { CredentialRecord, Records } from './records.ts';
import type { TokenStore } from './store.ts';
import { Token, type NamedValues } from './token.ts';

/**
 * A process without the lease may write between this read and write: a running one that notes a refusal, for example.
 */
const MAX_WRITES = 5;

/** What a person imports: a refresh token, and the access token that was issued with it if there is one. */
export interface ImportedGrant {
  /** Undefined: there is none, and the access token is all. */
  readonly refreshSecret: string | undefined;
  readonly secret: string | undefined;
  /** Wall-clock ms; undefined: the access token is used until an upstream rejects it. */
  readonly expiresAt: number | undefined;
  readonly refreshExpiresAt?: number | undefined;
  readonly values?: NamedValues | undefined;
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
  options: HoldLeaseOptions,
): Promise<number> {
  const { account } = credential;
  // Not during a renewal: one of the two tokens would overwrite the other.
  return holdingLease(store, account, options, async () => {
    for (let left = MAX_WRITES; left > 0; left -= 1) {
      const record = await records.read(account, credential.identity);
      const generation = record.generation + 1;
      const token = tokenOf(generation, grant, options.clock);
      if ((await records.replace(account, imported(record, credential, token))) !== undefined) return generation;
    }
    throw new AccountBusyError(
      `The record of ${account} is being changed by a running tokenward. Nothing was changed; try again.`,
    );
  });
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

function tokenOf(
  generation: number,
  { refreshSecret, secret, expiresAt, refreshExpiresAt, values }: ImportedGrant,
  clock: Clock,
): Token {
  const now = clock.wall();
  // Without an access token the token expires at once, so that the first use is a refresh.
  const end = secret === undefined ? now : expiresAt;
  // Only its record is used, which has no deadline: each process works out its own.
  const facts = { generation, obtainedAt: now, expiresAt: end, refreshExpiresAt, deadline: Infinity };
  return new Token(facts, secret ?? '', refreshSecret, values);
}
