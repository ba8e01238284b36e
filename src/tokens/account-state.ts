import type { BudgetState } from './budget.ts';
import type { Clock, Timers } from './clock.ts';
import type { Credential } from './credential.ts';
import type { CredentialRecord, SpendIntent } from './records.ts';
import { SingleFlight } from './single-flight.ts';
import { Token } from './token.ts';

/** What one process knows of one account. */
export interface AccountState {
  readonly credential: Credential;
  readonly flight: SingleFlight<Token>;
  /** What the newest flight does; an earlier one that missed its deadline may still be at work. */
  work: Promise<Token> | undefined;
  token: Token | undefined;
  /** Monotonic ms from which a renewal is started in the background. */
  earlyAt: number;
  /** The generation an upstream has proved dead: nobody new leaves with it while its successor is being fetched. */
  provedDead: number;
  /** Wall-clock ms at which an upstream refused the current token, if nothing has accepted it since. */
  refusedAt: number | undefined;
  /** Monotonic ms at which an upstream last accepted the current token after having refused it; -Infinity if never. */
  acceptedAt: number;
  waiting: number;
  /** Callers and pieces of work that hold on to this state; while there are any it must stay the account's only one. */
  users: number;
  loaded: boolean;
  dead: string | undefined;
  problem: string | undefined;
  /** The login budget did not grant the last login that was wanted. */
  outOfLogins: boolean;
  /** The account's record does not open. Nothing is read again before `recordRetryAt`, monotonic ms. */
  recordProblem: string | undefined;
  recordRetryAt: number;
  /** The record says that these credentials, or earlier ones of the account, were refused. */
  suspect: boolean;
  /** Monotonic ms before which the files of suspect credentials are not looked at again. */
  lookAgainAt: number;
  failures: number;
  /** The store holds a record of this name for another identity, and that has been told. */
  foreign: boolean;
  /** Wall-clock ms. */
  retryAt: number | undefined;
  budget: BudgetState | undefined;
  /** A call to the token endpoint is under way. It may outlive its flight, when the machine was asleep in between. */
  calling: boolean;
  /** The spend note this process wrote, or tried to write, without making the call so far; and the one it was written over. */
  uncalled: { readonly id: string; readonly before: SpendIntent | undefined } | undefined;
  /** Monotonic ms at which the store was last asked for the lease and gave it. */
  leasedAt: number;
  /** A lease on its way back to the store. */
  releasing: Promise<void> | undefined;
  /** A grant the store would not take yet: the only copy, kept and written as soon as it can be. */
  unsaved: CredentialRecord | undefined;
}

/** Knows nothing yet, except a fixed token. */
export function newAccountState(credential: Credential, clock: Clock, timers: Timers): AccountState {
  const { fixed } = credential;
  return {
    credential,
    flight: new SingleFlight(timers),
    work: undefined,
    token: fixed === undefined ? undefined : new Token({ generation: 1, obtainedAt: clock.wall(), expiresAt: undefined, refreshExpiresAt: undefined, deadline: Infinity }, fixed, undefined),
    earlyAt: Infinity,
    provedDead: -1,
    refusedAt: undefined,
    acceptedAt: -Infinity,
    waiting: 0,
    users: 0,
    loaded: fixed !== undefined,
    dead: undefined,
    problem: undefined,
    outOfLogins: false,
    recordProblem: undefined,
    recordRetryAt: -Infinity,
    suspect: false,
    lookAgainAt: -Infinity,
    failures: 0,
    foreign: false,
    retryAt: undefined,
    budget: undefined,
    calling: false,
    uncalled: undefined,
    leasedAt: -Infinity,
    releasing: undefined,
    unsaved: undefined,
  };
}
