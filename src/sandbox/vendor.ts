import type http from 'node:http';
import type { CustomAnswer } from './answer.ts';
import type { ApiAnswer, Dialect } from './vendors/dialect.ts';
import { answerHelper } from './helper-paths.ts';
import { CallerGone, cut, isGone, pause, readBody, reply, settle } from './http.ts';
import type { Exchange } from './http.ts';
import { checkChange, describeKnobs } from './knobs.ts';
import type { CommonKnobs, RefreshKnobs } from './knobs.ts';
import type { CallKind, Ledger, VendorName } from './ledger.ts';
import { redactHeaders } from './redact.ts';
import type { SecretMaker } from './secrets.ts';
import { TokenBook } from './tokens.ts';
import type { Pair, RefreshToken, TokenNames, Verdict } from './tokens.ts';
import { applyPatch, giveOut, issues, spoil, type IssuingMode, type TokenCallMode } from './token-call.ts';

/** A pair as tests see it, secrets included. */
export interface CurrentToken {
  readonly id: string;
  readonly owner: string;
  readonly accessToken: string;
  readonly refreshToken: string | null;
  /** Milliseconds, by the vendor's clock. */
  readonly accessEndsAt: number;
  readonly refreshEndsAt: number | null;
  readonly accessState: 'live' | 'expired' | 'revoked';
  readonly refreshState: 'live' | 'spent' | 'expired' | 'revoked' | null;
}

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

/**
 * One imitated vendor. The methods act at once, on every request not decided yet. Where one takes an
 * owner, it means that account's pair; without one, the pair issued last to anybody.
 */
export class Vendor<K extends CommonKnobs, C> {
  readonly name: VendorName;
  /** Live settings. May be changed in place; `set` also checks. */
  readonly knobs: K;
  /** Credentials that may log in. */
  readonly accounts: C[];
  readonly #dialect: Dialect<K, C>;
  readonly #tokens: TokenBook;
  readonly #names: TokenNames;
  readonly #ledger: Ledger;
  readonly #maker: SecretMaker;
  readonly #logins = new Map<string, number[]>();
  #rateSecond = 0;
  #rateCount = 0;

  constructor(dialect: Dialect<K, C>, account: C, shared: { ledger: Ledger; names: TokenNames; maker: SecretMaker }) {
    this.name = dialect.name;
    this.knobs = structuredClone(dialect.initial);
    this.accounts = [account];
    this.#dialect = dialect;
    this.#names = shared.names;
    this.#ledger = shared.ledger;
    this.#maker = shared.maker;
    this.#tokens = new TokenBook(dialect.name, shared.names, () => this.now());
  }

  /** The vendor's clock, milliseconds. */
  now(): number {
    return Date.now() + this.knobs.clockSkewSeconds * 1_000;
  }

  /** Changes knobs; throws a `KnobError` for an unknown one or a value that does not suit. */
  set(change: Partial<K>): void {
    checkChange(change, this.#dialect.knobs);
    Object.assign(this.knobs, structuredClone(change));
  }

  /** Every knob with what it takes. */
  describeKnobs(): Record<string, string> {
    return describeKnobs(this.#dialect.knobs);
  }

  /** Knobs back to their defaults; all tokens forgotten; quota and rate limit empty. Accounts and ledger stay. */
  reset(): void {
    Object.assign(this.knobs, structuredClone(this.#dialect.initial));
    this.#tokens.clear();
    this.#logins.clear();
    this.#rateCount = 0;
  }

  /** Lets one more credential log in. */
  addAccount(credentials: C): void {
    this.accounts.push(credentials);
  }

  /** The pair issued last, or null. */
  currentToken(owner?: string): CurrentToken | null {
    const pair = this.#tokens.current(owner);
    return pair === null ? null : visible(pair);
  }

  /** Issues a pair without a call: for tests that begin with a token in hand. Does not count against the quota. */
  issueToken(owner?: string): CurrentToken {
    const account = this.accounts[0];
    const name = owner ?? (account === undefined ? 'nobody' : this.#dialect.ownerOf(account));
    return visible(this.#issue(name, undefined, true));
  }

  /** The current access token is treated as expired. */
  expireCurrent(owner?: string): void {
    const pair = this.#tokens.current(owner);
    if (pair !== null) pair.access.state = 'expired';
  }

  /** The current access token becomes invalid. */
  revokeCurrent(owner?: string): void {
    const pair = this.#tokens.current(owner);
    if (pair !== null) pair.access.state = 'revoked';
  }

  /** Every access token becomes invalid. Refresh tokens stay good. */
  revokeAll(owner?: string): void {
    this.#tokens.revokeAll(owner);
  }

  /** The current refresh token is treated as expired. No effect on softline, which has no refresh call. */
  expireRefresh(owner?: string): void {
    this.#endRefresh('expired', owner);
  }

  /** The current refresh token becomes invalid. No effect on softline. */
  revokeRefresh(owner?: string): void {
    this.#endRefresh('revoked', owner);
  }

  /** How many logins of an account count against the quota at this moment. */
  quotaUsed(owner?: string): number {
    if (owner !== undefined) return this.#recentLogins(owner).length;
    let n = 0;
    for (const name of this.#logins.keys()) n += this.#recentLogins(name).length;
    return n;
  }

  /** How many pairs were ever issued. */
  pairsIssued(): number {
    return this.#tokens.issued;
  }

  /** Serves one request that arrived on one of the vendor's hosts. */
  handle(req: http.IncomingMessage, res: http.ServerResponse, origin: string, service: string): void {
    const target = req.url ?? '/';
    const mark = target.indexOf('?');
    const requestId = req.headers['x-request-id'];
    const access = this.#dialect.accessSecret(req);
    const entry = this.#ledger.begin({
      vendor: this.name,
      service,
      kind: 'api',
      method: req.method ?? '',
      target,
      rawHeaders: redactHeaders(req.rawHeaders, this.#names),
      tokenId: access === null ? null : (this.#names.get(access) ?? null),
      refreshTokenId: null,
      issued: null,
      requestId: typeof requestId === 'string' ? requestId : null,
      bodyBytes: 0,
      bodySha256: null,
      outcome: 'pending',
      reason: null,
      status: null,
      applied: false,
      aborted: false,
    });
    const x: Exchange = {
      req,
      res,
      origin,
      service,
      path: mark < 0 ? target : target.slice(0, mark),
      query: mark < 0 ? '' : target.slice(mark + 1),
      entry,
      cutByUs: false,
    };
    res.on('close', () => {
      if (!res.writableFinished && !x.cutByUs) entry.aborted = true;
      // Here and not where the reading fails, so that whoever sees the entry finished sees why.
      if (entry.outcome === 'pending' && entry.bodySha256 === null) entry.outcome = 'incomplete';
      this.#ledger.finish(entry);
    });
    const kind = this.#dialect.tokenCall(x);
    entry.kind = kind ?? ('api' satisfies CallKind);
    const work = kind === null ? this.#apiCall(x, access) : this.#tokenCall(x, kind);
    work.catch((error: unknown) => {
      if (error instanceof CallerGone) return;
      const what = error instanceof Error ? error.message : String(error);
      if (res.headersSent) cut(x, 'reset');
      else reply(x, { status: 500, body: { sandboxFault: what } }, 'error', what);
    });
  }

  async #tokenCall(x: Exchange, kind: 'login' | 'refresh'): Promise<void> {
    const mode = this.#takeMode(kind);
    const body = await readBody(x);
    await pause(kind === 'login' ? this.knobs.loginDelayMs : (this.#refreshKnobs()?.refreshDelayMs ?? 0));
    if (!issues(mode)) {
      spoil(x, mode, this.knobs);
      return;
    }
    const lifetime = mode !== 'no-lifetime';
    if (kind === 'login') await this.#login(x, body, mode, lifetime);
    else await this.#refresh(x, body, mode, lifetime);
  }

  async #login(x: Exchange, body: Buffer, mode: IssuingMode, lifetime: boolean): Promise<void> {
    const { knobs } = this;
    const granted = this.#dialect.login(x, body, this.accounts, knobs);
    if ('refused' in granted) {
      reply(x, granted.refused, granted.outcome, granted.reason);
      return;
    }
    const recent = this.#recentLogins(granted.owner);
    if (knobs.quotaLimit !== null && recent.length >= knobs.quotaLimit) {
      const refusal = this.#dialect.overQuota(knobs);
      reply(x, knobs.quotaBody === null ? refusal : { ...refusal, body: knobs.quotaBody }, 'quota');
      return;
    }
    recent.push(this.now());
    if (knobs.loginKillsOld) this.#tokens.revokeAll(granted.owner);
    const pair = this.#issue(granted.owner, granted.ttlSeconds, lifetime);
    x.entry.issued = pair.id;
    const answer = applyPatch(this.#dialect.pairBody(pair, { lifetime, refresh: 'new' }), knobs.loginPatch);
    await giveOut(x, mode, answer, knobs);
  }

  async #refresh(x: Exchange, body: Buffer, mode: IssuingMode, lifetime: boolean): Promise<void> {
    const knobs = this.#refreshKnobs();
    if (knobs === null) {
      reply(x, this.#dialect.notFound(), 'not-found');
      return;
    }
    const asked = this.#dialect.readRefresh(x, body, this.knobs);
    if ('refused' in asked) {
      reply(x, asked.refused, asked.outcome, asked.reason);
      return;
    }
    x.entry.refreshTokenId = this.#names.get(asked.secret) ?? null;
    const style = knobs.refreshTokenInAnswer;
    const spent = this.#tokens.spend(
      asked.secret,
      {
        rotation: knobs.rotation,
        graceMs: knobs.rotationGraceSeconds * 1_000,
        graceReturns: knobs.graceReturns,
        // RFC 6749 §6: an answer without a refresh token means that the old one goes on.
        carryOn: style !== 'new',
      },
      (owner) => this.#make(owner, asked.ttlSeconds, lifetime),
    );
    if (spent.kind === 'refused') {
      reply(x, this.#dialect.deadRefresh(knobs.deadRefreshStatus), 'refused', spent.reason);
      return;
    }
    x.entry.issued = spent.pair.id;
    const answer = applyPatch(this.#dialect.pairBody(spent.pair, { lifetime, refresh: style }), knobs.refreshPatch);
    await giveOut(x, mode, answer, this.knobs);
  }

  async #apiCall(x: Exchange, access: string | null): Promise<void> {
    const { knobs } = this;
    const dialect = this.#dialect;
    const override = this.#takeOverride();
    if (override !== null) {
      await readBody(x);
      reply(x, override, 'override');
      return;
    }
    if (!x.path.startsWith(dialect.apiPrefix)) {
      await readBody(x);
      reply(x, dialect.notFound(), 'not-found');
      return;
    }
    if (knobs.earlyRefusal) {
      const verdict = this.#verdict(access);
      if (verdict !== 'ok') {
          // The rest of the body is read behind the answer's back, as far as the caller sends it.
        readBody(x).catch(() => undefined);
        await this.#refuse(x, verdict);
        return;
      }
    }
    const helper = x.path.startsWith(`${dialect.apiPrefix}sandbox/`)
      ? x.path.slice(`${dialect.apiPrefix}sandbox/`.length)
      : null;
    // `echo` answers while the body is still arriving, so its token is judged now; all others are
    // judged when the request is complete, which is when a real vendor's code would run.
    if (helper === 'echo' && this.#verdict(access) === 'ok') {
      await answerHelper(x, helper, dialect.apiPrefix, (body) => dialect.wrap(body));
      x.entry.applied = !SAFE_METHODS.has(x.entry.method);
      return;
    }
    const body = await readBody(x);
    if (isGone(x)) {
      settle(x, 'incomplete', 'caller-gone', null);
      return;
    }
    if (this.#overRate()) {
      reply(x, dialect.rateLimited(), 'rate-limit');
      return;
    }
    const verdict = this.#verdict(access);
    if (verdict !== 'ok') {
      await this.#refuse(x, verdict);
      return;
    }
    if (helper !== null) {
      x.entry.applied = !SAFE_METHODS.has(x.entry.method);
      if (knobs.apiDelayMs > 0) await pause(knobs.apiDelayMs);
      if (await answerHelper(x, helper, dialect.apiPrefix, (json) => dialect.wrap(json))) return;
      x.entry.applied = false;
      reply(x, dialect.notFound(), 'not-found');
      return;
    }
    const done = dialect.api(x, body) ?? this.#echo(x);
    x.entry.applied = done.applied;
    if (knobs.apiDelayMs > 0) {
      settle(x, done.outcome ?? 'ok', null, null);
      await pause(knobs.apiDelayMs);
    }
    reply(x, done.answer, done.outcome ?? 'ok');
  }

  #echo(x: Exchange): ApiAnswer {
    const { method, bodyBytes, bodySha256 } = x.entry;
    const body = this.#dialect.wrap({ method, path: x.path, query: x.query, bodyBytes, bodySha256 });
    return { answer: { status: 200, body }, applied: !SAFE_METHODS.has(method) };
  }

  #verdict(access: string | null): Verdict {
    const { verdict } = this.#tokens.check(access);
    return verdict === 'ok' && this.knobs.alwaysDead ? 'revoked' : verdict;
  }

  async #refuse(x: Exchange, verdict: Verdict): Promise<void> {
    const { knobs } = this;
    const { min, max } = knobs.deadTokenDelayMs;
    const answer = knobs.deadTokenAnswer ?? {
      ...this.#dialect.deadToken(verdict, knobs.deadTokenStatus),
      encoding: knobs.errorEncoding,
    };
    settle(x, 'dead-token', verdict, null);
    if (max > 0) await pause(min + this.#maker.random() * (max - min));
    reply(x, answer, 'dead-token', verdict);
  }

  #issue(owner: string, ttlSeconds: number | undefined, lifetime: boolean): Pair {
    return this.#tokens.issue({ owner, ...this.#make(owner, ttlSeconds, lifetime) });
  }

  #make(
    owner: string,
    ttlSeconds: number | undefined,
    lifetime: boolean,
  ): { access: string; accessEndsAt: number; refresh: { secret: string; endsAt: number } } {
    const { knobs } = this;
    const nowMs = this.now();
    const accessTtl = knobs.accessTtlSeconds ?? ttlSeconds ?? this.#dialect.accessTtlSeconds;
    const refreshTtl = this.#refreshKnobs()?.refreshTtlSeconds ?? this.#dialect.refreshTtlSeconds;
    const accessEndsAt = nowMs + accessTtl * 1_000;
    const refreshEndsAt = nowMs + refreshTtl * 1_000;
    const secrets = this.#dialect.mint(this.#maker, { owner, nowMs, accessEndsAt, refreshEndsAt, lifetime }, knobs);
    return { access: secrets.access, accessEndsAt, refresh: { secret: secrets.refresh, endsAt: refreshEndsAt } };
  }

  #takeMode(kind: 'login' | 'refresh'): TokenCallMode {
    if (kind === 'login') {
      const mode = this.knobs.loginMode;
      if (mode !== 'normal' && this.knobs.loginModeCount !== null && --this.knobs.loginModeCount <= 0) {
        this.knobs.loginMode = 'normal';
        this.knobs.loginModeCount = null;
      }
      return mode;
    }
    const knobs = this.#refreshKnobs();
    if (knobs === null) return 'normal';
    const mode = knobs.refreshMode;
    if (mode !== 'normal' && knobs.refreshModeCount !== null && --knobs.refreshModeCount <= 0) {
      knobs.refreshMode = 'normal';
      knobs.refreshModeCount = null;
    }
    return mode;
  }

  #takeOverride(): CustomAnswer | null {
    const override = this.knobs.apiOverride;
    if (override?.count !== undefined && --override.count <= 0) this.knobs.apiOverride = null;
    return override;
  }

  #refreshKnobs(): RefreshKnobs | null {
    return this.#dialect.refreshKnobs(this.knobs);
  }

  #recentLogins(owner: string): number[] {
    let times = this.#logins.get(owner);
    if (times === undefined) {
      times = [];
      this.#logins.set(owner, times);
    }
    const oldest = this.now() - this.knobs.quotaWindowSeconds * 1_000;
    while (times[0] !== undefined && times[0] <= oldest) times.shift();
    return times;
  }

  #overRate(): boolean {
    const limit = this.knobs.rateLimitPerSecond;
    if (limit === null) return false;
    const second = Math.floor(Date.now() / 1_000);
    if (second !== this.#rateSecond) {
      this.#rateSecond = second;
      this.#rateCount = 0;
    }
    return ++this.#rateCount > limit;
  }

  #endRefresh(state: RefreshToken['state'], owner: string | undefined): void {
    const refresh = this.#tokens.current(owner)?.refresh;
    if (refresh) refresh.state = state;
  }
}

function visible(pair: Pair): CurrentToken {
  return {
    id: pair.id,
    owner: pair.owner,
    accessToken: pair.access.secret,
    refreshToken: pair.refresh?.secret ?? null,
    accessEndsAt: pair.access.endsAt,
    refreshEndsAt: pair.refresh?.endsAt ?? null,
    accessState: pair.access.state,
    refreshState: pair.refresh?.state ?? null,
  };
}
