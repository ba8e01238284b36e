import { masked } from '../app/mask.ts';
import { PUBLIC_PLACES, type FlowTrial, type TriedCall, type TriedRenewal } from '../app/try-flow.ts';
import type { TriedRequest } from '../app/try-request.ts';
import type { Attachment } from '../flows/attach.ts';
import { contentTypeOf, isPlain, statusAndCode } from '../flows/describe.ts';
import { canLogin, canRefresh, type MatchRule, type TokenCall } from '../flows/flow.ts';
import { locate, unitOf } from '../flows/locator.ts';
import { secondsOf, secondsUntil } from '../flows/notations.ts';
import { placesIn } from '../flows/places.ts';
import { isDocument, type ReadResponse } from '../flows/response.ts';
import { RESERVED } from '../flows/schema/call.ts';
import type { Outcome } from '../tokens/credential.ts';
import { formatDuration } from './format-duration.ts';
import { likelyTokens } from './new-flow/likely.ts';

/* What `tokenward flow try` shows, as plain data in which every secret is masked. */

export interface RequestReport {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

interface PlaceReport {
  readonly place: string;
  readonly value: string;
}

export interface ResponseReport {
  /** Status, and an error code if it is plain. */
  readonly status: string;
  readonly contentType?: string;
  readonly retryAfter?: string;
  readonly places: readonly PlaceReport[];
}

interface FoundReport {
  readonly name: string;
  readonly place: string;
  readonly found: string;
}

export interface CallReport {
  readonly request: RequestReport;
  readonly response?: ResponseReport;
  readonly answer?: readonly FoundReport[];
  /** Which rule decided. */
  readonly rule?: string;
}

export interface RenewalReport {
  readonly kind: 'login' | 'refresh';
  readonly calls: readonly CallReport[];
  readonly notMade: readonly string[];
  readonly outcome?: Outcome['kind'];
  readonly meaning?: string;
  readonly lifetime?: string;
}

export interface PathReport {
  readonly route: string;
  readonly request: RequestReport;
  readonly response?: ResponseReport;
  readonly meaning?: string;
}

export interface TryReport {
  readonly account: string;
  readonly flow: string;
  readonly dryRun: boolean;
  readonly notes: readonly string[];
  readonly renewals: readonly RenewalReport[];
  readonly attachments: readonly string[];
  readonly path?: PathReport;
}

/** Makes reports of one trial. */
export class TryReporter {
  readonly #trial: FlowTrial;
  /** Values that the flow's rules name: no secrets, whatever brings them. */
  readonly #known: ReadonlySet<string>;

  constructor(trial: FlowTrial) {
    this.#trial = trial;
    const { flow } = trial;
    const calls = [...(flow.login ?? []), ...(flow.refresh ?? [])];
    const rules: MatchRule[] = [
      ...flow.busy,
      ...flow.refused,
      ...flow.invalid,
      ...calls.flatMap((call) => call.refused),
    ];
    this.#known = new Set(rules.flatMap(({ body = {} }) => Object.values(body).flat().map(String)));
  }

  renewal({ kind, calls, notMade, outcome }: TriedRenewal): RenewalReport {
    return {
      kind,
      calls: calls.map((call) => this.#call(kind, call)),
      notMade: notMade.map(({ method, url }) => this.#trial.mask.text(`${method} ${url}`)),
      ...(outcome !== undefined && {
        outcome: outcome.kind,
        meaning: this.#trial.mask.text(this.#meaning(kind, outcome)),
      }),
      ...(outcome?.kind === 'granted' && { lifetime: lifetimeOf(outcome) }),
    };
  }

  /** What requests would carry besides what a client sends. */
  attachments({ headers, query, cookies, path, body, signing }: Attachment): string[] {
    const { mask } = this.#trial;
    const lines: string[] = [];
    for (let i = 0; i < headers.length; i += 2)
      lines.push(`header ${headers[i]!}: ${mask.header(headers[i]!, headers[i + 1]!)}`);
    lines.push(...query.map((parameter) => `query ${mask.form(parameter)}`));
    lines.push(...cookies.map((pair) => `cookie ${this.#cookie(pair)}`));
    if (path !== '') lines.push(`path ${mask.text(path)} before the path of the request`);
    lines.push(...body.map(({ kind, at, value }) => `${kind} ${at}: ${mask.field(at, value)}, in the body`));
    if (signing !== undefined) {
      const kinds = this.#trial.flow.attach.flatMap((part) => ('sign' in part ? [part.sign] : []));
      lines.push(`a signature of each request: ${kinds.join(', ')}`);
    }
    return lines;
  }

  path({ route, url, request, response, rule, rejected, challenged }: TriedRequest): PathReport {
    const headers: Record<string, string> = {};
    for (let i = 0; i < request.headers.length; i += 2) {
      const name = request.headers[i]!.toLowerCase();
      headers[name] = name === 'cookie' ? this.#cookies(request.headers[i + 1]!) : request.headers[i + 1]!;
    }
    const { flow } = this.#trial;
    const canRenew = canLogin(flow) || canRefresh(flow);
    const accepted =
      flow.invalid.length === 0 && flow.oauth === undefined
        ? 'the flow has no rule in invalid, so tokenward would never notice a dead token'
        : 'no rule of invalid matched: for tokenward the token is alive';
    const meaning = rejected
      ? `${this.#ruleText('invalid', rule)} matched: the token counts as rejected; tokenward would ` +
        (canRenew ? 'renew it and send the request again' : 'report it, and relay the response')
      : accepted;
    const again = challenged ? '; the upstream asked for HTTP Digest authentication, and got it' : '';
    return {
      route,
      request: this.#request({ method: request.method, url, headers, body: undefined }),
      ...(response !== undefined && { response: this.#response(response), meaning: meaning + again }),
    };
  }

  #call(kind: 'login' | 'refresh', { call, isMetadata, request, response, verdict }: TriedCall): CallReport {
    const report = { request: this.#request(request) };
    if (response === undefined) return report;
    // Dozens of places, of which none is a secret and one matters here.
    if (isMetadata === true)
      return { ...report, response: { ...this.#response(response), places: endpointIn(response) } };
    return {
      ...report,
      response: this.#response(response),
      answer: this.#answer(kind, call, response),
      rule: this.#trial.mask.text(this.#rule(kind, call, response, verdict)),
    };
  }

  #request({
    method,
    url,
    headers,
    body,
  }: {
    readonly method: string;
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string | undefined;
  }): RequestReport {
    const { mask } = this.#trial;
    return {
      method,
      url: mask.url(url),
      headers: Object.fromEntries(
        Object.entries(headers).map(([name, value]) => [
          name,
          name === 'cookie' ? this.#cookies(value) : mask.header(name, value),
        ]),
      ),
      ...(body !== undefined && { body: mask.body(headers['content-type'] ?? '', body) }),
    };
  }

  #cookies(value: string): string {
    return value
      .split(/; ?/)
      .map((pair) => this.#cookie(pair))
      .join('; ');
  }

  /** A cookie is a secret, whatever its name. */
  #cookie(pair: string): string {
    const equals = pair.indexOf('=');
    return `${this.#name(pair.slice(0, equals))}=${this.#trial.mask.field('cookie', pair.slice(equals + 1))}`;
  }

  #response(response: ReadResponse): ResponseReport {
    const type = contentTypeOf(response, this.#trial.secrets);
    const retryAfter = response.header('retry-after');
    const places = placesIn(response);
    return {
      status: this.#trial.mask.text(statusAndCode(response, this.#trial.secrets).replace('status ', '')),
      ...(type !== undefined && { contentType: type }),
      ...(retryAfter !== undefined && {
        retryAfter: this.#show(retryAfter, /^(\d{1,10}|[A-Z][a-z]{2}, [\w :]{20,25})$/.test(retryAfter)),
      }),
      places: places.map(({ place, value }) => ({ place: this.#place(place), value: this.#show(value, false) })),
    };
  }

  /** A locator, without the names in it that are data. */
  #place(place: string): string {
    const [, start, path] = /^(json|xml:|header:|cookie:|form:)?([\s\S]*)$/.exec(place)!;
    if (start === undefined && !place.startsWith('/')) return place;
    const separator = start === undefined || start === 'xml:' ? '/' : undefined;
    const parts = separator === undefined ? [path!] : path!.split(separator);
    return `${start ?? ''}${parts.map((part) => (/^\d+$/.test(part) ? part : this.#name(part))).join('/')}`;
  }

  #name(name: string): string {
    if (name === '') return '';
    const plain = name.replace(/^@/, '').replaceAll('-', '_').replaceAll(/\[|\]/g, '_');
    return isPlain(plain, {}) && this.#trial.mask.text(name) === name ? name : '(a name that is not shown)';
  }

  #answer(kind: 'login' | 'refresh', call: TokenCall, response: ReadResponse): FoundReport[] {
    const found: FoundReport[] = [];
    for (const [name, place] of Object.entries(call.answer)) {
      if (typeof place !== 'string') continue;
      const [value] = locate(place, response);
      const isNothing = value === undefined || value === null || value === '';
      const shown = isNothing ? 'nothing' : this.#show(value, PUBLIC_PLACES.includes(name) && isPublic(name, value));
      const read = name.endsWith('xpiresIn')
        ? describedSeconds(secondsOf(value), unitOf(place))
        : name.endsWith('xpiresAt')
          ? describedSeconds(secondsUntil(value, clockOf(response)), 1)
          : '';
      const hint = name === 'token' && isNothing ? this.#hint(response) : '';
      // A value that nobody misses is no mistake.
      const where = isNothing && (name === 'token' || !isReserved(name)) ? ` (${this.#placeOf(kind, call, name)})` : '';
      found.push({ name, place, found: `${shown}${read}${where}${hint}` });
    }
    return found;
  }

  #placeOf(kind: 'login' | 'refresh', call: TokenCall, name: string): string {
    const { flow } = this.#trial;
    if (flow.oauth !== undefined) return this.#trial.placeOf(['oauth', 'answer', name]);
    const calls = flow[kind] ?? [];
    return this.#trial.placeOf([kind, ...(calls.length > 1 ? [calls.indexOf(call)] : []), 'answer', name]);
  }

  /** Where a token may be, if there is none where the flow looks. */
  #hint(response: ReadResponse): string {
    const places = likelyTokens(placesIn(response))
      .map(({ place }) => this.#place(place))
      .slice(0, 3);
    return places.length === 0 ? '' : `; perhaps it is at ${places.join(' or ')}`;
  }

  #show(value: unknown, isShown: boolean): string {
    if (value === null || typeof value === 'boolean') return String(value);
    if (Array.isArray(value)) return `a list of ${value.length}`;
    if (typeof value === 'object') return 'an object';
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    if (isShown || this.#known.has(text)) return this.#trial.mask.text(text) === text ? text : this.#masked(text);
    if (typeof value === 'number')
      return `a number of ${text.length} ${text.length === 1 ? 'character' : 'characters'}`;
    return this.#masked(text);
  }

  #masked(text: string): string {
    if (text === '') return 'an empty text';
    const kind = /^eyJ[\w-]+\.[\w-]+\.[\w-]*$/.test(text) ? 'JWT' : 'text';
    return `${kind} ${masked(text)}`;
  }

  #rule(kind: 'login' | 'refresh', call: TokenCall, response: ReadResponse, verdict: TriedCall['verdict']): string {
    const { flow } = this.#trial;
    if (verdict === undefined) return 'it has a token where the flow looks for one, so no rule is asked';
    const { rule } = verdict;
    if (rule !== undefined) {
      const isIn = (rules: readonly MatchRule[]): boolean => rules.includes(rule);
      const ofCall = isIn(call.refused) ? `${kind}.refused` : 'refused';
      const list = isIn(flow.busy)
        ? 'busy'
        : flow.oauth !== undefined && !isIn(flow.refused)
          ? 'OAuth 2.0 (RFC 6749, section 5.2)'
          : ofCall;
      return `${this.#ruleText(list, rule)} matched: ${verdict.kind}`;
    }
    if (verdict.kind === 'busy')
      return response.status === 429
        ? 'status 429: busy, whatever the flow says'
        : 'a Retry-After, or words such as "too many requests": busy, whatever the flow says';
    const ok = response.status >= 200 && response.status < 300;
    const byStatus = [...call.refused, ...flow.refused].some(
      ({ status, body, header, contains }) =>
        body === undefined &&
        header === undefined &&
        contains === undefined &&
        [status].flat().some((one) => one === response.status || one === `${Math.floor(response.status / 100)}xx`),
    );
    if (byStatus && !isDocument(response.json))
      return (
        'none of busy and refused: a rule names this status, but the body is no JSON, as a block page of a firewall ' +
        'is none; if the API itself refuses so, add format: any to the rule'
      );
    return ok ? 'none of busy and refused' : 'none of busy and refused: if this means wrong credentials, add a rule';
  }

  #ruleText(list: string, rule: MatchRule | undefined): string {
    if (rule === undefined) return `a rule of ${list}`;
    const parts = Object.entries(rule).filter(
      ([name, value]) => value !== undefined && !(name === 'format' && value === 'json'),
    );
    return `the rule ${JSON.stringify(Object.fromEntries(parts))} of ${list}`;
  }

  #meaning(kind: 'login' | 'refresh', outcome: Outcome): string {
    switch (outcome.kind) {
      case 'granted':
        return outcome.grant.refreshSecret === undefined
          ? 'a token, without a refresh token'
          : 'a token and a refresh token';
      case 'refused':
        return kind === 'refresh' && canLogin(this.#trial.flow)
          ? `the refresh token is refused (${outcome.reason}); tokenward would log in`
          : `the credentials are refused (${outcome.reason}); the account would count as dead, and tokenward would ` +
              'not try them again until they change or a person acts';
      case 'busy':
        return outcome.retryAfter === undefined
          ? 'the endpoint asks to come later; tokenward would wait as long as its own pauses say'
          : `the endpoint asks to come later; tokenward would wait ${Math.ceil(outcome.retryAfter)} s`;
      case 'impossible':
        return `the call cannot be built, and nothing was sent: ${outcome.reason}`;
      case 'failed':
        return (
          `no usable response (${outcome.reason}${outcome.detail === undefined ? '' : `: ${outcome.detail}`}); ` +
          'tokenward would try again later' +
          (kind === 'refresh' && outcome.maybeSpent ? '; the refresh token may be spent' : '')
        );
    }
  }
}

/** Names in `answer` with a meaning of their own. */
function isReserved(name: string): boolean {
  return (RESERVED as readonly string[]).includes(name);
}

function endpointIn(response: ReadResponse): PlaceReport[] {
  const [endpoint] = locate('/token_endpoint', response);
  return typeof endpoint === 'string' ? [{ place: '/token_endpoint', value: endpoint }] : [];
}

/** A type, a lifetime or an expiry: no secret, if it looks like one. */
function isPublic(name: string, value: unknown): boolean {
  if (name === 'tokenType') return typeof value === 'string' && /^[A-Za-z_-]{1,20}$/.test(value);
  if (secondsOf(value) !== undefined || secondsUntil(value, Date.now()) !== undefined) return true;
  return typeof value === 'number';
}

/** The endpoint's own time, by which an expiry counts. */
function clockOf(response: ReadResponse): number {
  const date = Date.parse(response.header('date') ?? '');
  return Number.isNaN(date) ? Date.now() : date;
}

function describedSeconds(seconds: number | undefined, unit: number): string {
  if (seconds === undefined) return '';
  return seconds * unit <= 0 ? ', which is over' : `, which is ${formatDuration(seconds * unit * 1000)}`;
}

function lifetimeOf({ grant: { lifetime, refreshLifetime } }: Extract<Outcome, { kind: 'granted' }>): string {
  const access =
    lifetime === undefined
      ? 'no end is known: the token is used until it is rejected; the flow or the account may set lifetime'
      : `the token lives ${formatDuration(lifetime * 1000)}`;
  return refreshLifetime === undefined
    ? access
    : `${access}; the refresh token lives ${formatDuration(refreshLifetime * 1000)}`;
}
