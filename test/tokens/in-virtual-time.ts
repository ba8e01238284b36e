import type { TokenwardError } from '../../src/errors.ts';
import type { Credential } from '../../src/tokens/credential.ts';
import { importToken } from '../../src/tokens/import.ts';
import type { CredentialRecord } from '../../src/tokens/records.ts';
import type { Token } from '../../src/tokens/token.ts';
import { managed, type Managed } from '../support/credential.ts';
import { settled, VirtualTime } from '../support/virtual-time.ts';

/** Longer than any request waits. ms. */
const GIVE_UP_MS = 120_000;
/** Every pause of a renewal is a multiple of it, as the jitter of these tests is always the same. ms. */
const STEP_MS = 50;

type Request = () => Token | Promise<Token>;

/** A manager whose pauses take no time. */
export interface InVirtualTime extends Managed {
  readonly time: VirtualTime;
  /** The token that a request gets. Time passes only while the request waits for it. */
  token(request: Request): Promise<Token>;
  /** The error that a request gets. */
  error(request: Request): Promise<TokenwardError>;
  /** Brings this pair of tokens, whose access token lives until it is rejected. */
  bring(secret: string, refreshSecret: string): Promise<void>;
  /** Changes the record in the store, as another process or an earlier one would have left it. */
  leave(change: Partial<CredentialRecord>): Promise<void>;
  /** The record in the store. */
  stored(): Promise<CredentialRecord>;
}

export async function inVirtualTime(
  credential: Credential,
  options: Omit<NonNullable<Parameters<typeof managed>[1]>, 'clock' | 'timers'> = {},
): Promise<InVirtualTime> {
  const time = new VirtualTime();
  const world = await managed(credential, { ...options, clock: time.clock, timers: time.timers });
  const { account } = credential;
  const stored = (): Promise<CredentialRecord> => world.records.read(account, credential.identity);
  return {
    ...world,
    time,
    token: async (request) => (await passing(time, request))(),
    error: async (request) => {
      const outcome = await passing(time, request);
      let token: Token;
      try {
        token = outcome();
      } catch (error) {
        return error as TokenwardError;
      }
      throw new Error(`got a token of generation ${token.generation}`);
    },
    bring: async (secret, refreshSecret) => {
      const grant = { secret, refreshSecret, expiresAt: undefined };
      await importToken(world.store, world.records, credential, grant, { owner: 'import', ...time });
    },
    leave: async (change) => void (await world.records.replace(account, { ...(await stored()), ...change })),
    stored,
  };
}

/** Lets time pass until the request has ended; what it came to. */
async function passing(time: VirtualTime, request: Request): Promise<() => Token> {
  let outcome: (() => Token) | undefined;
  void (async () => request())().then(
    (token) => (outcome = () => token),
    (error: unknown) =>
      (outcome = () => {
        throw error;
      }),
  );
  for (let waited = 0; ; waited += STEP_MS) {
    await settled();
    if (outcome !== undefined) return outcome;
    if (waited > GIVE_UP_MS) throw new Error('the request does not end');
    await time.advance(STEP_MS);
  }
}
