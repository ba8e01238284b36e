import { isGone, pause, readBody, respond, settle, waitsForContinue, type Exchange } from './exchange.ts';
import { findHelper, serveHelper } from './helper-paths.ts';
import { parseFields } from './json.ts';
import type { Outcome } from './ledger.ts';
import type { CustomResponse } from './response.ts';
import type { Settings } from './settings.ts';
import type { TokenRefusal } from './tokens.ts';
import type { Vendor } from './vendor.ts';
import { InvalidRequest } from './vendors/operations.ts';

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

/** What an API request comes to. */
interface Done {
  readonly response: CustomResponse;
  /** Something was done that must not happen twice. */
  readonly applied: boolean;
  readonly outcome: Outcome;
}

/** Serves an API request. `access`: the access token in it. */
export async function serveApiRequest(vendor: Vendor, x: Exchange, access: string | undefined): Promise<void> {
  const { dialect, settings } = vendor;
  const override = takeOverride(settings);
  if (override !== undefined || !x.path.startsWith(dialect.apiPrefix)) {
    await readBody(x);
    if (override === undefined) respond(x, dialect.notFound, 'not-found');
    else respond(x, override, 'override');
    return;
  }
  const early = judge(vendor, access);
  if (settings.earlyRefusal && early !== undefined) {
    // The rest of the body is read behind the response's back, as far as the client sends it.
    if (!waitsForContinue(x)) readBody(x).catch(() => undefined);
    await refuseToken(vendor, x, early);
    return;
  }
  const prefix = `${dialect.apiPrefix}sandbox/`;
  const isHelper = x.path.startsWith(prefix);
  const helper = isHelper ? findHelper(x.path.slice(prefix.length)) : undefined;
  const surroundings = { prefix, wrap: dialect.wrap };
  const isWrite = !SAFE_METHODS.has(x.entry.method);
  // What responds while the body is still arriving has its token judged now; all others are judged when the request is
  // complete, which is when a real vendor's code would run.
  if (helper?.streams === true && early === undefined) {
    await serveHelper(x, helper, surroundings);
    x.entry.applied = isWrite;
    return;
  }
  const body = await readBody(x);
  if (isGone(x)) {
    settle(x, 'incomplete', 'client-gone');
    return;
  }
  const dead = judge(vendor, access);
  if (dead !== undefined) {
    await refuseToken(vendor, x, dead);
    return;
  }
  if (helper !== undefined) {
    x.entry.applied = isWrite;
    await pause(settings.apiDelayMs);
    await serveHelper(x, helper, surroundings);
    return;
  }
  const isUnknown = isHelper || dialect.tokenPaths.has(x.path);
  const { response, applied, outcome }: Done = isUnknown
    ? { response: dialect.notFound, applied: false, outcome: 'not-found' }
    : carryOut(vendor, x, body, isWrite);
  x.entry.applied = applied;
  settle(x, outcome);
  await pause(settings.apiDelayMs);
  respond(x, response, outcome);
}

/** Carries out one of the vendor's own operations. A path that belongs to none tells what arrived. */
function carryOut({ dialect }: Vendor, x: Exchange, body: Buffer, isWrite: boolean): Done {
  const { method, service, bodyBytes, bodySha256 } = x.entry;
  const invalid = (response: CustomResponse): Done => ({ response, applied: false, outcome: 'invalid' });
  const operation = dialect.operations[service]?.find((known) => known.method === method && known.path.test(x.path));
  if (operation === undefined) {
    const arrived = dialect.wrap({ method, path: x.path, query: x.query, bodyBytes, bodySha256 });
    return { response: { status: 200, body: arrived }, applied: isWrite, outcome: 'ok' };
  }
  const fields = parseFields(body);
  const refused = dialect.refuseBody?.(x, fields);
  if (refused !== undefined) return invalid(refused);
  const result = operation.carryOut({ path: operation.path.exec(x.path)?.groups ?? {}, fields, x });
  if (result instanceof InvalidRequest) return invalid(dialect.invalid(result.message));
  return { response: { status: 200, body: dialect.wrap(result) }, applied: operation.applies, outcome: 'ok' };
}

/** What is wrong with an access token; undefined: nothing. */
function judge({ settings, tokens }: Vendor, access: string | undefined): TokenRefusal | undefined {
  return tokens.check(access) ?? (settings.alwaysDead ? 'revoked' : undefined);
}

async function refuseToken({ dialect, settings }: Vendor, x: Exchange, reason: TokenRefusal): Promise<void> {
  const { deadTokenAnswer, deadTokenStatus, deadTokenDelayMs: delay } = settings;
  settle(x, 'dead-token', reason);
  await pause(delay.min + Math.random() * (delay.max - delay.min));
  respond(x, deadTokenAnswer ?? dialect.deadToken(reason, deadTokenStatus), 'dead-token', reason);
}

/** The response that stands in for the usual one; one that holds for some requests only is counted down. */
function takeOverride(settings: Settings): CustomResponse | undefined {
  const { apiOverride: override } = settings;
  if (override?.count !== undefined) {
    override.count -= 1;
    if (override.count <= 0) settings.apiOverride = null;
  }
  return override ?? undefined;
}
