import type http from 'node:http';
import { CallerGone } from '../http/message.ts';
import { isGone, pause, readBody, respond, reset, settle, type Exchange } from './exchange.ts';
import { findHelper, serveHelper } from './helper-paths.ts';
import { parseFields, type Json } from './json.ts';
import { pathOf, type Outcome } from './ledger.ts';
import { redactHeaders } from './redact.ts';
import type { CustomResponse } from './response.ts';
import { applyPatch, issues, respondInMode, type TokenRequestMode } from './token-modes.ts';
import type { TokenIssuer } from './token-issuer.ts';
import type { Verdict } from './tokens.ts';
import type { VendorState } from './vendor-state.ts';
import { InvalidRequest } from './vendors/operations.ts';
import type { AnySettings, Dialect } from './vendors/dialect.ts';

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

type TokenRequest = 'login' | 'refresh';

/** What an API call comes to: the answer, and whether something was done. */
interface Done {
  readonly answer: CustomResponse;
  readonly applied: boolean;
  readonly outcome: Outcome;
}

/** Serves the requests of one vendor, on all its hosts. */
export class VendorRequests<K extends AnySettings, C extends object> {
  readonly #state: VendorState<K, C>;
  readonly #dialect: Dialect<K, C>;
  readonly #settings: K;
  readonly #issuer: TokenIssuer<K, C>;

  constructor(state: VendorState<K, C>, issuer: TokenIssuer<K, C>) {
    this.#state = state;
    this.#issuer = issuer;
    this.#dialect = state.dialect;
    this.#settings = state.settings;
  }

  /** Serves one request that arrived on one of the vendor's hosts, and keeps the ledger of it. */
  serve(req: http.IncomingMessage, res: http.ServerResponse, origin: string, service: string): void {
    const { ledger, names } = this.#state.shared;
    const target = req.url ?? '/';
    const path = pathOf(target);
    const kind = this.#tokenCallAt(req.method, service, path);
    const access = this.#dialect.accessSecret(req);
    const requestId = req.headers['x-request-id'];
    const entry = ledger.begin({
      vendor: this.#dialect.name,
      service,
      kind: kind ?? 'api',
      method: req.method ?? '',
      target,
      rawHeaders: redactHeaders(req.rawHeaders, names),
      tokenId: (access === undefined ? undefined : names.get(access)) ?? null,
      requestId: typeof requestId === 'string' ? requestId : null,
    });
    const query = target.slice(path.length + 1);
    const x: Exchange = { req, res, origin, path, query, entry, cutByUs: false };
    res.on('close', () => {
      if (!res.writableFinished && !x.cutByUs) entry.aborted = true;
      // Here and not where the reading fails, so that whoever sees the entry finished sees why.
      if (entry.outcome === 'pending' && entry.bodySha256 === null) entry.outcome = 'incomplete';
      ledger.finish(entry);
    });
    const work = kind === undefined ? this.#apiCall(x, access) : this.#tokenCall(x, kind);
    work.catch((error: unknown) => {
      if (error instanceof CallerGone) return;
      const what = error instanceof Error ? error.message : String(error);
      if (res.headersSent) reset(x);
      else respond(x, { status: 500, body: { sandboxFault: what } }, 'error', what);
    });
  }

  #tokenCallAt(method: string | undefined, service: string, path: string): TokenRequest | undefined {
    const { tokenPaths, tokenService = service } = this.#dialect;
    return method === 'POST' && service === tokenService ? tokenPaths.get(path) : undefined;
  }

  async #tokenCall(x: Exchange, kind: TokenRequest): Promise<void> {
    const settings: AnySettings = this.#settings;
    const mode = this.#takeMode(kind);
    const fields = parseFields(await readBody(x));
    await pause(settings[`${kind}DelayMs`] ?? 0);
    if (!issues(mode)) {
      await respondInMode(mode, { x, body: null, settings });
      return;
    }
    const lifetime = mode !== 'no-lifetime';
    const issued = this.#issuer[kind](x, fields, lifetime);
    if ('refused' in issued) {
      respond(x, issued.refused, issued.outcome, issued.reason);
      return;
    }
    const { pair, refreshToken } = issued;
    x.entry.issued = pair.id;
    const body = this.#dialect.pairBody(pair, { lifetime, refreshToken });
    await respondInMode(mode, { x, body: applyPatch(body, settings[`${kind}Patch`] ?? {}), settings });
  }

  async #apiCall(x: Exchange, access: string | undefined): Promise<void> {
    const dialect = this.#dialect;
    const override = this.#takeOverride();
    if (override !== undefined || !x.path.startsWith(dialect.apiPrefix)) {
      await readBody(x);
      if (override === undefined) respond(x, dialect.notFound(), 'not-found');
      else respond(x, override, 'override');
      return;
    }
    const early = this.#settings.earlyRefusal ? this.#verdict(access) : 'ok';
    if (early !== 'ok') {
      // The rest of the body is read behind the answer's back, as far as the caller sends it.
      readBody(x).catch(() => undefined);
      await this.#refuseToken(x, early);
      return;
    }
    const prefix = `${dialect.apiPrefix}sandbox/`;
    const isHelper = x.path.startsWith(prefix);
    const helper = isHelper ? findHelper(x.path.slice(prefix.length)) : undefined;
    const surroundings = { prefix, wrap: dialect.wrap };
    const changes = !SAFE_METHODS.has(x.entry.method);
    // What answers while the body is still arriving has its token judged now; all others are judged when the
    // request is complete, which is when a real vendor's code would run.
    if (helper?.streams === true && this.#verdict(access) === 'ok') {
      await serveHelper(x, helper, surroundings);
      x.entry.applied = changes;
      return;
    }
    const body = await readBody(x);
    if (isGone(x)) {
      settle(x, 'incomplete', 'client-gone');
      return;
    }
    const verdict = this.#verdict(access);
    if (verdict !== 'ok') {
      await this.#refuseToken(x, verdict);
      return;
    }
    if (helper !== undefined) {
      x.entry.applied = changes;
      await pause(this.#settings.apiDelayMs);
      await serveHelper(x, helper, surroundings);
      return;
    }
    const isNone = isHelper || dialect.tokenPaths.has(x.path);
    const done: Done = isNone
      ? { answer: dialect.notFound(), applied: false, outcome: 'not-found' }
      : this.#answer(x, body);
    x.entry.applied = done.applied;
    settle(x, done.outcome);
    await pause(this.#settings.apiDelayMs);
    respond(x, done.answer, done.outcome);
  }

  /** Does one of the vendor's own calls. A path that is none of them tells what arrived. */
  #answer(x: Exchange, body: Buffer): Done {
    const { method, bodyBytes, bodySha256 } = x.entry;
    const dialect = this.#dialect;
    const done = (json: Json, applied: boolean): Done => ({
      answer: { status: 200, body: dialect.wrap(json) },
      applied,
      outcome: 'ok',
    });
    const invalid = (answer: CustomResponse): Done => ({ answer, applied: false, outcome: 'invalid' });
    const call = dialect.operations[x.entry.service]?.find(
      (known) => known.method === method && known.path.test(x.path),
    );
    if (call === undefined) {
      return done({ method, path: x.path, query: x.query, bodyBytes, bodySha256 }, !SAFE_METHODS.has(method));
    }
    const fields = parseFields(body);
    const refused = dialect.refuseBody?.(x, fields);
    if (refused !== undefined) return invalid(refused);
    const result = call.carryOut(call.path.exec(x.path)?.groups ?? {}, fields, x);
    return result instanceof InvalidRequest ? invalid(dialect.invalid(result.message)) : done(result, call.applies);
  }

  #verdict(access: string | undefined): Verdict {
    const verdict = this.#state.tokens.check(access);
    return verdict === 'ok' && this.#settings.alwaysDead ? 'revoked' : verdict;
  }

  async #refuseToken(x: Exchange, verdict: Exclude<Verdict, 'ok'>): Promise<void> {
    const { deadTokenAnswer, deadTokenStatus, deadTokenDelayMs: delay } = this.#settings;
    settle(x, 'dead-token', verdict);
    if (delay.max > 0) await pause(delay.min + Math.random() * (delay.max - delay.min));
    respond(x, deadTokenAnswer ?? this.#dialect.deadToken(verdict, deadTokenStatus), 'dead-token', verdict);
  }

  /** The mode of this call; one that holds for some calls only is counted down. */
  #takeMode(kind: TokenRequest): TokenRequestMode {
    const settings: AnySettings = this.#settings;
    const mode = settings[`${kind}Mode`] ?? 'normal';
    const left = settings[`${kind}ModeCount`] ?? null;
    if (mode === 'normal' || left === null) return mode;
    settings[`${kind}ModeCount`] = left > 1 ? left - 1 : null;
    if (left <= 1) settings[`${kind}Mode`] = 'normal';
    return mode;
  }

  #takeOverride(): CustomResponse | undefined {
    const settings: AnySettings = this.#settings;
    const override = settings.apiOverride ?? undefined;
    if (override?.count !== undefined) {
      override.count -= 1;
      if (override.count <= 0) settings.apiOverride = null;
    }
    return override;
  }
}
