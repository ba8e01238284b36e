import { LRUCache } from 'lru-cache';
import { describeFault, type LogFields, type Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import type { Tracing } from '../request-trace.ts';
import type { Clock } from '../tokens/clock.ts';
import type { Credential } from '../tokens/credential.ts';
import type { RenewalReport, TokenObserver } from '../tokens/manager.ts';
import { cannotServe, type AccountStatusName, type CredentialStatus, type RenewalCause } from '../tokens/status.ts';
import type { AccountHistory } from './account-history.ts';
import { MAX_ACCOUNTS_WITH_REASONS, zeroAccount } from './zero-counters.ts';

/** Errors of one store operation within this time of a logged one are logged at debug only. ms. */
const STORE_ERROR_PAUSE_MS = 30_000;
/** Troubled accounts whose last logged status is remembered. A forgotten one is logged twice. */
const MAX_REMEMBERED = 10_000;

interface ObserverParts {
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly clock: Clock;
  /** The declared accounts, whose counters exist from the start. */
  readonly declared: Iterable<Credential>;
  /** What the operator is shown of the past. */
  readonly history?: AccountHistory;
  /** What makes spans now. Undefined: there are none. */
  readonly tracing?: () => Tracing | undefined;
  /** The account's state now, if it is in memory. */
  statusOf(account: string): CredentialStatus | undefined;
}

/** An observer that also learns of the accounts that a reload brings. */
interface DeclaringObserver extends TokenObserver {
  /** Creates the account's counters, at 0. */
  declare(credential: Credential): void;
}

/**
 * The token manager's events as metrics and log lines: one for each renewal with its cause and outcome, and one for
 * each change of an account into trouble, from one trouble into another, and out of it.
 */
export function createObserver({
  metrics,
  log,
  clock,
  declared,
  history,
  statusOf,
  tracing,
}: ObserverParts): DeclaringObserver {
  // By size: with `max` the cache allocates its arrays for the full number at once.
  const troubled = new LRUCache<string, AccountStatusName>({ maxSize: MAX_REMEMBERED, sizeCalculation: () => 1 });
  const zeroed = new Set<string>();
  const unreadable = new Set<string>();
  const storeErrors = new Map<string, number>();

  const labelOf = (credential: Credential): string => {
    const account = metrics.accountLabel(credential.account);
    // Accounts without a label of their own share one for each flow; and a reload may change an account's flow.
    const labelKey = `${account} ${credential.flow}`;
    if (!zeroed.has(labelKey)) {
      zeroed.add(labelKey);
      zeroAccount(metrics, credential, zeroed.size <= MAX_ACCOUNTS_WITH_REASONS);
    }
    return account;
  };
  for (const credential of declared) labelOf(credential);

  return {
    declare: (credential) => void labelOf(credential),
    renewed(credential, report) {
      const { flow } = credential;
      const { kind, outcome, reason, seconds } = report;
      const account = labelOf(credential);
      history?.renewed(credential.account, report);
      metrics.renewals.inc({ account, flow, kind, outcome });
      metrics.renewalSeconds.observe({ flow, kind }, seconds);
      // Only a failed call's reason is one of a few words. The text of a refusal is for the log.
      if (outcome !== 'granted')
        metrics.renewalFailures.inc({ account, flow, kind, reason: outcome === 'failed' ? reason : outcome });
      logRenewal(log, credential, report);
      tracing?.()?.renewed({
        account: credential.account,
        flow,
        kind,
        outcome,
        reason,
        seconds,
        cause: report.cause.why,
        generation: report.generation,
        request: report.cause.request?.span,
      });
    },
    suppressed(credential, reason) {
      metrics.renewalFailures.inc({ account: labelOf(credential), flow: credential.flow, kind: 'none', reason });
      log.debug('no token request was made', { account: credential.account, flow: credential.flow, reason });
    },
    changed(credential) {
      labelOf(credential);
      const status = statusOf(credential.account);
      if (status !== undefined) history?.changed(status);
      // While a renewal is under way, the account has neither recovered nor changed its trouble.
      if (status === undefined || status.state === 'renewing') return;
      const was = troubled.get(credential.account);
      if (status.state === was) return;
      if (isTroubled(status.state)) {
        troubled.set(credential.account, status.state);
        logTrouble(log, status, was, clock.wall(), remedyOf(credential, unreadable.has(credential.account)));
      } else if (was !== undefined) {
        troubled.delete(credential.account);
        unreadable.delete(credential.account);
        const { account, flow, state, generation } = status;
        log.info(`account ${account} works again`, { account, flow, state, was, generation });
      }
    },
    foreignRecord({ account, flow }) {
      log.warn(
        `the store holds a token of another identity under the name ${account}: two deployments use one ` +
          'store, or the account now logs in as another identity. They are kept apart; give each deployment a ' +
          'store or a keyPrefix of its own, or remove unused records with: tokenward store prune',
        { account, flow },
      );
    },
    secretChanged({ account, flow }) {
      log.info(`a file with secrets of account ${account} has changed and was read again`, { account, flow });
    },
    storeUsed(operation, seconds) {
      metrics.storeSeconds.observe({ operation }, seconds);
    },
    storeFailed(operation, error) {
      metrics.storeErrors.inc({ reason: operation });
      const detail = error instanceof Error && error.name === 'StoreError' ? error.message : describeFault(error);
      const now = clock.monotonic();
      const wasLogged = now - (storeErrors.get(operation) ?? -Infinity) < STORE_ERROR_PAUSE_MS;
      if (!wasLogged) storeErrors.set(operation, now);
      log[wasLogged ? 'debug' : 'error']('the token store failed', { reason: operation, detail });
    },
    recordUnreadable({ account, flow }, error) {
      unreadable.add(account);
      log.error(`the record of account ${account} in the token store cannot be opened; all other accounts work`, {
        account,
        flow,
        detail: error.message,
      });
    },
  };
}

function isTroubled(state: AccountStatusName): boolean {
  return cannotServe(state) || state === 'degraded';
}

function logRenewal(log: Logger, { account, flow }: Credential, report: RenewalReport): void {
  const { kind, outcome, reason, detail, seconds, cause, generation, expiresAt, budget, renewalsLeft } = report;
  const fields: LogFields = {
    account,
    flow,
    kind,
    outcome,
    cause: cause.why,
    seconds,
    ...(cause.by !== undefined && { by: cause.by }),
    ...(cause.request !== undefined && { request_id: cause.request.id }),
    ...(cause.request?.traceId !== undefined && { trace_id: cause.request.traceId }),
    ...(generation !== undefined && { generation }),
    ...(expiresAt !== undefined && { expires: new Date(expiresAt).toISOString() }),
    ...(budget !== undefined && { logins_left: budget.remaining, reserve_left: budget.reserveRemaining }),
    ...(renewalsLeft !== undefined && { renewals_left: renewalsLeft }),
    ...(reason !== '' && { reason }),
    ...(detail !== undefined && { detail }),
  };
  const causeText = describeCause(cause);
  switch (outcome) {
    case 'granted':
      log.info(`renewed ${account} by ${kind} ${causeText}`, fields);
      break;
    case 'refused':
      log.warn(`the ${kind} of ${account} was refused (${reason}); it was tried ${causeText}`, fields);
      break;
    case 'busy':
      log.warn(`the token endpoint postponed the ${kind} of ${account} (${reason}); it was tried ${causeText}`, fields);
      break;
    case 'impossible':
      log.error(`the ${kind} of ${account} cannot be made: ${reason}. Correct the configuration`, fields);
      break;
    case 'failed':
      log.warn(`the ${kind} of ${account} failed (${reason}); it was tried ${causeText}`, fields);
  }
}

function describeCause({ why, by }: RenewalCause): string {
  switch (why) {
    case 'first':
      return 'because it had no token';
    case 'refused':
      return `because ${by ?? 'an upstream rejected its token'}`;
    case 'expired':
      return 'because its token had expired';
    case 'early':
      return 'because its token ends soon';
    case 'operator':
      return `because an operator requested it${by === undefined ? '' : ` (${by})`}`;
  }
}

/** What a person can do for an account. */
function remedyOf({ account, canLogin, reread }: Credential, unreadable: boolean): string {
  if (unreadable) return 'repair its record in the store';
  if (!canLogin) return `import a new refresh token: tokenward import ${account}`;
  if (reread !== undefined)
    return (
      'correct its credentials; what comes from a file is read again by itself, for anything else reload ' +
      `the configuration; if they are right after all: tokenward renew ${account}`
    );
  return (
    'correct its credentials and reload the configuration; if they are right after all: ' + `tokenward renew ${account}`
  );
}

/** Logs what happened to an account and, where requests fail, what a person can do. */
function logTrouble(
  log: Logger,
  status: CredentialStatus,
  was: AccountStatusName | undefined,
  now: number,
  remedy: string,
): void {
  const { account, flow, state, problem, dead, generation, retryAt, budget, renewalsLeft = [], exhausted } = status;
  // Every budget of renewals must grant one: the last to do so counts.
  const freeAt =
    exhausted === 'renewals'
      ? renewalsLeft.reduce((latest, one) => Math.max(latest, one.retryAt ?? 0), 0) || undefined
      : budget?.retryAt;
  const until = state === 'out_of_logins' ? (freeAt ?? retryAt) : undefined;
  const fields: LogFields = {
    account,
    flow,
    state,
    generation,
    ...(was !== undefined && { was }),
    ...(retryAt !== undefined && retryAt > now && { retry_in: Math.ceil((retryAt - now) / 1000) }),
    ...(until !== undefined && { until: new Date(until).toISOString() }),
    ...(budget !== undefined && { logins_left: budget.remaining, reserve_left: budget.reserveRemaining }),
    ...(renewalsLeft.length > 0 && { renewals_left: Math.min(...renewalsLeft.map(({ remaining }) => remaining)) }),
    ...(problem !== undefined && { detail: problem }),
  };
  const why = problem ?? 'no reason is known';
  switch (state) {
    case 'dead':
      log.error(`account ${account} is dead: ${why}. Its requests fail until a person acts: ${remedy}`, fields);
      break;
    case 'out_of_logins':
      if (exhausted === 'renewals') {
        log.error(`account ${account} is out of renewals: ${why}, and its requests fail`, fields);
        break;
      }
      log.error(
        `account ${account} is out of logins${until === undefined ? '' : ` until ${new Date(until).toISOString()}`}, ` +
          `and its requests fail. To spend a login of the reserve: tokenward renew ${account} --use-reserve`,
        fields,
      );
      break;
    case 'down':
      log.error(`account ${account} is down: ${why}. Its requests fail until a renewal succeeds`, fields);
      break;
    default:
      log.warn(
        `account ${account} is degraded: ${why}. Its token is still accepted` +
          (dead ? `, but a person must act: ${remedy}` : ''),
        fields,
      );
  }
}
