import { canSendAgain, type RequestBody } from '../http/message.ts';
import type { UpstreamResponse } from '../http/client/response.ts';
import type { Metrics } from '../metrics.ts';
import { Token } from '../tokens/token.ts';
import { pathOf, type Proxy, type RequestContext } from './context.ts';
import { rejectsToken, describeRejection } from './inspect.ts';
import type { Route } from './route.ts';
import { send } from './send.ts';
import { endAttempt, waitForToken } from './timing.ts';

/** Tells the client why the upstream's rejection was relayed (docs/errors.md). */
const REPLAY_FIELD = 'x-tokenward-replay';
/** There is a newer token now, and the client may send the request again. */
const NOT_REPLAYED = [REPLAY_FIELD, 'not-replayed; may-resend'];
/** No renewal was made, because the previous ones did not help. */
const HELD_BACK = 'held-back';

/** What came of a request after a renewal, and what a rejection was. Values of metrics' labels (docs/metrics.md). */
export const REPLAY_OUTCOMES = ['recovered', 'refused', 'failed', 'skipped'] as const;
export type ReplayOutcome = (typeof REPLAY_OUTCOMES)[number];
export const REJECTION_REASONS = ['current', 'late', 'ineffective'] as const;
export type RejectionReason = (typeof REJECTION_REASONS)[number];

/** A response, and the token it was obtained with. */
export interface Attempt {
  readonly response: UpstreamResponse;
  /** Undefined: the route attaches none. */
  readonly token: Token | undefined;
  /** Fields about the renewal to add to the response, names and values in turn. */
  readonly extraFields: readonly string[];
}

/** A response that rejects its token. */
interface Rejected {
  readonly response: UpstreamResponse;
  readonly token: Token;
}

export const NO_FIELDS: readonly string[] = [];

/**
 * Checks whether the response rejects the token. If so, gets a newer token and replays the request if possible. Returns
 * the response for the client; rejects like `tokens.renew`. Nearly always it is the first response, and no promise.
 */
export function replayIfRejected(
  proxy: Proxy,
  ctx: RequestContext,
  route: Route,
  account: string | undefined,
  body: RequestBody,
  first: Attempt,
): Attempt | Promise<Attempt> {
  const { response, token } = first;
  if (token === undefined || route.rejectedToken === undefined || account === undefined) return first;
  const verdict = rejectsToken(route.rejectedToken, ctx.method, response);
  const decide = (rejected: boolean): Attempt | Promise<Attempt> => {
    if (rejected) return renewAndReplay(proxy, ctx, route, account, body, { ...first, token });
    if (response.status < 400) {
      proxy.renewalGuard.accepted(account, token.generation);
      proxy.tokens.accepted(account, token);
    }
    return first;
  };
  return verdict instanceof Promise ? verdict.then(decide) : decide(verdict);
}

/** `isLast`: what the next replay brings is final. */
async function renewAndReplay(
  proxy: Proxy,
  ctx: RequestContext,
  route: Route,
  account: string,
  body: RequestBody,
  { response, token }: Rejected,
  isLast = false,
): Promise<Attempt> {
  endAttempt(ctx);
  const rejectedAt = proxy.clock.wall();
  const replayable = isReplayable(route, body);
  const newer = await getNewerToken(proxy, ctx, route, account, token, response, replayable);
  if (!(newer instanceof Token)) return { response, token, extraFields: newer };
  if (!replayable) {
    countReplay(proxy.metrics, route, 'skipped');
    return { response, token, extraFields: NOT_REPLAYED };
  }
  response.discard();
  // A token that existed before, here or in the store, may have died with the rejected one: that proves nothing, and
  // one renewal is still due. Its time is by the clock of the process that obtained it. If that clock is wrong, one
  // renewal more is made, or none.
  const isProof = isLast || newer.obtainedAt >= rejectedAt;
  if (isProof) proxy.renewalGuard.startTrial(account, newer.generation);
  const replayed = { ...(await replay(proxy, ctx, route, account, body, newer, isProof)), token: newer };
  return replayed.rejected && !isProof
    ? renewAndReplay(proxy, ctx, route, account, body, replayed, true)
    : { response: replayed.response, token: newer, extraFields: NO_FIELDS };
}

/** Whether a request with this body can be sent a second time. */
export function isReplayable(route: Route, body: RequestBody): boolean {
  return route.config.replay && canSendAgain(body);
}

/**
 * A newer token than the rejected one. Or header fields, if no renewal is to be made: then the response is relayed with
 * these. Throws if a renewal fails: a rejected token is not the client's fault, so its 401 is not relayed.
 */
async function getNewerToken(
  proxy: Proxy,
  ctx: RequestContext,
  route: Route,
  account: string,
  rejected: Token,
  response: UpstreamResponse,
  replayable: boolean,
): Promise<Token | readonly string[]> {
  const { metrics, tokens, renewalGuard } = proxy;
  const { generation } = rejected;
  const count = (reason: RejectionReason): void =>
    metrics.rejections.inc({ route: route.name, account: metrics.accountLabel(account), reason });
  if (!tokens.isCurrent(account, rejected)) {
    count('late');
    return renewToken(proxy, ctx, account, rejected, response, route);
  }
  if (renewalGuard.isFirstRejection(account, generation))
    metrics.tokensRefused.inc({ account: metrics.accountLabel(account) });
  if (!tokens.canRenew(account)) {
    count('current');
    route.stats.rejected += 1;
    tokens.rejected(account, rejected);
    return [];
  }
  const heldBack = renewalGuard.heldBack(account, requestKeyOf(ctx, account), generation, replayable);
  if (heldBack !== undefined) {
    count('ineffective');
    route.stats.rejected += 1;
    if (heldBack.tokenUnaccepted) tokens.rejected(account, rejected);
    // If the upstream says itself when to come back, it knows better.
    return [
      REPLAY_FIELD,
      HELD_BACK,
      ...(response.header('retry-after') === undefined
        ? ['retry-after', String(Math.ceil(heldBack.waitMs / 1000))]
        : []),
    ];
  }
  count('current');
  const newer = await renewToken(proxy, ctx, account, rejected, response, route);
  if (!replayable) renewalGuard.renewedWithoutReplay(account, newer.generation);
  return newer;
}

async function renewToken(
  { tokens }: Proxy,
  ctx: RequestContext,
  account: string,
  rejected: Token,
  response: UpstreamResponse,
  route: Route,
): Promise<Token> {
  const by = `${route.name} responded with ${describeRejection(route.rejectedToken!, response)}`;
  try {
    const newer = tokens.renew(account, rejected, by, ctx);
    return newer instanceof Promise ? await waitForToken(ctx, newer) : newer;
  } catch (error) {
    response.discard();
    throw error;
  }
}

function countReplay(metrics: Metrics, route: Route, outcome: ReplayOutcome): void {
  metrics.replays.inc({ route: route.name, outcome });
}

/** Sends the same bytes again, once. `isProof`: if this token is rejected as well, renewing does not help. */
async function replay(
  proxy: Proxy,
  ctx: RequestContext,
  route: Route,
  account: string,
  body: RequestBody,
  token: Token,
  isProof: boolean,
): Promise<{ readonly response: UpstreamResponse; readonly rejected: boolean }> {
  const { metrics, renewalGuard, tokens } = proxy;
  const { generation } = token;
  const count = (outcome: ReplayOutcome): void => countReplay(metrics, route, outcome);
  let response: UpstreamResponse;
  try {
    response = await send(proxy, ctx, route, body, token);
  } catch (error) {
    count('failed');
    renewalGuard.cancelTrial(account, generation);
    throw error;
  }
  if (route.rejectedToken !== undefined && (await rejectsToken(route.rejectedToken, ctx.method, response))) {
    if (!isProof) return { response, rejected: true };
    count('refused');
    if (renewalGuard.isFirstRejection(account, generation))
      metrics.tokensRefused.inc({ account: metrics.accountLabel(account) });
    renewalGuard.ineffective(account, requestKeyOf(ctx, account), generation);
    if (!renewalGuard.isAccepted(account, generation)) tokens.rejected(account, token);
    return { response, rejected: true };
  }
  count('recovered');
  if (response.status < 500) {
    // The same request was rejected before and is not any more, so the token works, even if the request fails
    // otherwise.
    renewalGuard.recovered(account, requestKeyOf(ctx, account), generation);
    renewalGuard.accepted(account, generation);
    tokens.accepted(account, token);
  } else {
    renewalGuard.cancelTrial(account, generation);
  }
  return { response, rejected: false };
}

/**
 * Identifies similar requests for RenewalGuard: method and path, without the query; and the account, if the route has
 * several.
 */
function requestKeyOf({ method, target, route }: RequestContext, account: string): string {
  return route?.accountChoice === undefined ? `${method} ${pathOf(target)}` : `${method} ${pathOf(target)} ${account}`;
}
