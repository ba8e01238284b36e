import type { RequestBody } from '../http/message.ts';
import type { UpstreamResponse } from '../http/client/response.ts';
import { Token } from '../tokens/token.ts';
import { pathOf, type Proxy, type RequestContext } from './context.ts';
import { rejectsToken, describeRejection } from './inspect.ts';
import type { Route } from './route.ts';
import { send } from './send.ts';

/** What is said of an upstream's own complaint about its token, in header fields of ours (docs/errors.md). */
const REPLAY_FIELD = 'x-tokenward-replay';
/** A newer one is there now, and the request may be sent again. */
const NOT_REPLAYED = [REPLAY_FIELD, 'not-replayed; may-resend'];
/** No renewal was made, because the ones before did not help. */
const HELD_BACK = 'held-back';

/** What was sent, and what came back. */
export interface Attempt {
  readonly response: UpstreamResponse;
  /** The one that the reply is about; undefined: the route adds none. */
  readonly token: Token | undefined;
  /** Header fields of ours about the renewal, names and values in turn. */
  readonly extraFields: readonly string[];
}

export const NO_FIELDS: readonly string[] = [];

/**
 * Looks whether the reply means a dead token; if so, gets a newer one and sends the request once more where that is
 * possible. What the client is to get; rejects like `tokens.renew`. Nearly always the first reply, and at once.
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

async function renewAndReplay(
  proxy: Proxy,
  ctx: RequestContext,
  route: Route,
  account: string,
  body: RequestBody,
  { response, token }: Attempt & { readonly token: Token },
): Promise<Attempt> {
  const replayable = isReplayable(route, body);
  const newer = await getNewerToken(proxy, ctx, route, account, token, response, replayable);
  if (!(newer instanceof Token)) return { response, token, extraFields: newer };
  if (!replayable) {
    proxy.metrics.replays.inc({ route: route.name, outcome: 'skipped' });
    return { response, token, extraFields: NOT_REPLAYED };
  }
  response.discard();
  return { response: await replay(proxy, ctx, route, account, body, newer), token: newer, extraFields: NO_FIELDS };
}

/** Whether a request with this body may be sent a second time. */
export function isReplayable(route: Route, body: RequestBody): boolean {
  return body.kind !== 'streamed' && route.config.replay;
}

/**
 * A newer token than the refused one. Header fields: renewing would be in vain, and the reply is to be relayed as
 * it is, with these. Throws if there should be one but none can be had: a dead token's 401 is our trouble, not the
 * caller's.
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
  const count = (reason: string): void =>
    metrics.rejections.inc({ route: route.name, account: metrics.accountLabel(account), reason });
  if (!tokens.isCurrent(account, rejected)) {
    count('late');
    return renewToken(proxy, account, rejected, response, route);
  }
  if (renewalGuard.isFirstRejection(account, generation))
    metrics.tokensRefused.inc({ account: metrics.accountLabel(account) });
  if (!tokens.canRenew(account)) {
    count('current');
    tokens.refused(account, rejected);
    return [];
  }
  const heldBack = renewalGuard.heldBack(account, requestKeyOf(ctx, account), generation, replayable);
  if (heldBack !== undefined) {
    count('ineffective');
    if (heldBack.tokenUnaccepted) tokens.refused(account, rejected);
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
  const newer = await renewToken(proxy, account, rejected, response, route);
  if (replayable) renewalGuard.startTrial(account, newer.generation);
  else renewalGuard.renewedWithoutReplay(account, newer.generation);
  return newer;
}

async function renewToken(
  { tokens }: Proxy,
  account: string,
  rejected: Token,
  response: UpstreamResponse,
  route: Route,
): Promise<Token> {
  try {
    return await tokens.renew(
      account,
      rejected,
      `${route.name} answered ${describeRejection(route.rejectedToken!, response)}`,
    );
  } catch (error) {
    response.discard();
    throw error;
  }
}

/** Sends the same bytes again, once. Whatever comes back is the answer. */
async function replay(
  proxy: Proxy,
  ctx: RequestContext,
  route: Route,
  account: string,
  body: RequestBody,
  token: Token,
): Promise<UpstreamResponse> {
  const { metrics, renewalGuard, tokens } = proxy;
  const { generation } = token;
  const count = (outcome: string): void => metrics.replays.inc({ route: route.name, outcome });
  let response: UpstreamResponse;
  try {
    response = await send(proxy, ctx, route, body, token);
  } catch (error) {
    count('failed');
    renewalGuard.cancelTrial(account, generation);
    throw error;
  }
  if (route.rejectedToken !== undefined && (await rejectsToken(route.rejectedToken, ctx.method, response))) {
    count('refused');
    if (renewalGuard.isFirstRejection(account, generation))
      metrics.tokensRefused.inc({ account: metrics.accountLabel(account) });
    renewalGuard.ineffective(account, requestKeyOf(ctx, account), generation);
    if (!renewalGuard.isAccepted(account, generation)) tokens.refused(account, token);
    return response;
  }
  count('recovered');
  if (response.status < 500) {
    // The same call, refused before and not any more: the token works, whatever else is wrong with the call.
    renewalGuard.recovered(account, requestKeyOf(ctx, account), generation);
    renewalGuard.accepted(account, generation);
    tokens.accepted(account, token);
  } else {
    renewalGuard.cancelTrial(account, generation);
  }
  return response;
}

/**
 * A call as the memory of ineffective replies knows it: method and path, without the query; and whose it is, where
 * accounts share a route.
 */
function requestKeyOf({ method, target, route }: RequestContext, account: string): string {
  return route?.accountChoice === undefined ? `${method} ${pathOf(target)}` : `${method} ${pathOf(target)} ${account}`;
}
