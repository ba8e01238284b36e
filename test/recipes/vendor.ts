import type { IncomingHttpHeaders } from 'node:http';
import { isDeepStrictEqual } from 'node:util';

/*
 * What one API is like, as far as a recipe concerns it: which calls log in, where a request carries what, and in which
 * words it refuses. Texts may hold <name>: a credential, or <token> and <refresh>, the live pair.
 */

/** Credentials, and what the imitation has issued. */
export type Values = Readonly<Record<string, string>>;

/** One request as the imitation got it. */
export interface Seen {
  readonly method: string;
  readonly host: string;
  readonly path: string;
  /** As it was written, without its question mark. */
  readonly query: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A text that must stand at a place, or a look at what stands there: undefined if it is as it should be. */
export type Check = string | ((found: string, values: Values) => string | undefined);

/** What a request must carry. */
export interface Expected {
  /** Some of its header fields; in lower case. */
  readonly headers?: Readonly<Record<string, Check>>;
  /** All of its parameters; of an API's request, besides those of the client. */
  readonly query?: Readonly<Record<string, Check>>;
  /** All of its form's fields; of an API's request, besides those of the client. */
  readonly form?: Readonly<Record<string, Check>>;
  /** Its whole JSON; of an API's request, besides the members of the client. */
  readonly json?: object;
  /** Some of its cookies. */
  readonly cookies?: Readonly<Record<string, string>>;
  /** Its path; of an API's request, what stands before the client's. */
  readonly path?: string;
  /** Its whole content; of an API's request, in place of the client's. */
  readonly body?: string;
  /** A look at the whole request, such as at its signature. */
  readonly whole?: Look;
}

/** What is wrong with a request as a whole; undefined: nothing. */
export type Look = (seen: Seen, values: Values) => string | undefined;

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body: string;
}

/** One call of a login or refresh. With <token> in its answer, it makes a new one. */
export interface Step {
  /** Method and URL without its query. */
  readonly at: string;
  /** What tells it from the API's own requests, if they have the same address. */
  readonly isLogin?: (seen: Seen) => boolean;
  readonly expect: Expected;
  readonly reply: Reply;
}

/** A flow that no recipe has. */
export interface OwnFlow {
  /** YAML, as a user would write it below `flows`. */
  readonly flow: string;
  /** The route's. */
  readonly upstream: string;
  /** Keys that the route needs besides. */
  readonly route?: Readonly<Record<string, string>>;
}

export interface Vendor {
  /** The recipe's name, or what the own flow is called. */
  readonly recipe: string;
  readonly own?: OwnFlow;
  /** The token endpoint and the API demand the application's certificate. */
  readonly mutualTls?: boolean;
  /** What the API says first to a request that carries nothing yet; it counts for nothing. */
  readonly challenge?: (seen: Seen) => Reply | undefined;
  readonly credentials: Values;
  /** None: the API has no login. */
  readonly steps?: readonly Step[];
  /** The account begins with an imported refresh token. rotates: each refresh replaces it. */
  readonly refreshes?: 'same' | 'rotates';
  /** Where the API's requests arrive, if not at the upstream that the recipe names. */
  readonly api?: string;
  /** The path of a client's requests; the default is /things/7. */
  readonly path?: string;
  readonly expect: Expected;
  /** The API's answer to a token that has ended, or to a wrong key. */
  readonly killed: Reply;
  /** The token endpoint's answers, in the vendor's own words: come later; wrong credentials. */
  readonly busy?: Reply;
  readonly refused?: Reply;
  /** What a client's POST has as its body; the default is a JSON object. */
  readonly clientForm?: Readonly<Record<string, string>>;
  /** The same as XML. */
  readonly clientXml?: string;
}

export const json = (status: number, body: unknown, headers: Reply['headers'] = {}): Reply => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify(body),
});

export const text = (status: number, type: string, body: string, headers: Reply['headers'] = {}): Reply => ({
  status,
  headers: { 'content-type': type, ...headers },
  body,
});

/** The texts of a template with the values in it. */
export function fill(template: string, values: Values): string {
  return template.replaceAll(/<([A-Za-z]\w*)>/g, (whole, name: string) => values[name] ?? whole);
}

/** `Authorization: Basic` with this user and password. */
export function basic(pair: string): Check {
  return (found, values) => {
    const wanted = `Basic ${Buffer.from(fill(pair, values)).toString('base64')}`;
    return found === wanted ? undefined : `not the Basic of ${pair}`;
  };
}

/** The client's own part of an API's request. */
export interface ClientPart {
  readonly query: Readonly<Record<string, string>>;
  readonly form: Readonly<Record<string, string>> | undefined;
  readonly json: object | undefined;
}

/** What is wrong with a request; undefined: nothing. The message repeats what was found. */
export function differs(expected: Expected, seen: Seen, values: Values, client?: ClientPart): string | undefined {
  const { headers = {}, cookies = {}, form, body, whole } = expected;
  const expectedForm = form === undefined && client?.form === undefined ? undefined : { ...client?.form, ...form };
  const given = Object.fromEntries((seen.headers.cookie ?? '').split('; ').map((pair) => splitOnce(pair)));
  return (
    partDiffers('header', headers, (name) => [seen.headers[name]].flat()[0], values) ??
    partDiffers('cookie', cookies, (name) => given[name], values) ??
    fieldsDiffer('query', { ...client?.query, ...expected.query }, seen.query, values) ??
    (expectedForm === undefined ? undefined : fieldsDiffer('form', expectedForm, seen.body, values)) ??
    (body === undefined ? jsonDiffers(expected.json, client, seen, values) : checked(body, seen.body, values)) ??
    whole?.(seen, values)
  );
}

function jsonDiffers(
  wanted: object | undefined,
  client: ClientPart | undefined,
  { body }: Seen,
  values: Values,
): string | undefined {
  if (wanted === undefined && client?.json === undefined) return undefined;
  const whole = { ...client?.json, ...(JSON.parse(fill(JSON.stringify(wanted ?? {}), escaped(values))) as object) };
  let found: unknown;
  try {
    found = JSON.parse(body);
  } catch {
    return `no JSON but ${body.slice(0, 80)}`;
  }
  return isDeepStrictEqual(found, whole) ? undefined : `JSON ${body} instead of ${JSON.stringify(whole)}`;
}

/** As they stand inside JSON texts. */
function escaped(values: Values): Values {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, JSON.stringify(value).slice(1, -1)]));
}

function partDiffers(
  what: string,
  wanted: Readonly<Record<string, Check>>,
  at: (name: string) => string | undefined,
  values: Values,
): string | undefined {
  for (const [name, check] of Object.entries(wanted)) {
    const found = at(name);
    if (found === undefined) return `no ${what} ${name}`;
    const wrong = checked(check, found, values);
    if (wrong !== undefined) return `${what} ${name}: ${wrong}`;
  }
  return undefined;
}

function fieldsDiffer(
  what: string,
  wanted: Readonly<Record<string, Check>>,
  encoded: string,
  values: Values,
): string | undefined {
  const found = [...new URLSearchParams(encoded)];
  const names = found.map(([name]) => name).sort();
  if (!isDeepStrictEqual(names, Object.keys(wanted).sort())) return `${what} with the fields ${names.join(', ')}`;
  return partDiffers(what, wanted, (name) => found.find(([one]) => one === name)?.[1], values);
}

function checked(check: Check, found: string, values: Values): string | undefined {
  if (typeof check === 'function') return check(found, values);
  const wanted = fill(check, values);
  return found === wanted ? undefined : `${found} instead of ${wanted}`;
}

function splitOnce(pair: string): [string, string] {
  const equals = pair.indexOf('=');
  return [pair.slice(0, equals), pair.slice(equals + 1)];
}
