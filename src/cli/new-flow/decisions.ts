import type { MatchRule } from '../../flows/flow.ts';
import { locatorProblem } from '../../flows/locator.ts';
import { isUrl } from '../../config/urls.ts';
import type { SampleFacts } from './answer.ts';
import { kindOf } from './answer.ts';
import { CurlError } from './shell-words.ts';

/** Something that the command and the answer do not tell. `assumed`: nobody was asked. */
export interface Decision<T> {
  readonly value: T;
  readonly assumed: boolean;
}

/** A place of `attach` as it is written in a flow. */
export type DraftAttach = Readonly<Record<string, string>>;

export interface Decisions {
  readonly token: Decision<string>;
  readonly attach: Decision<DraftAttach>;
  readonly invalid: Decision<DraftRule>;
  readonly upstream: Decision<string>;
}

type DraftRule = Pick<MatchRule, 'status' | 'body'>;

/** Answers that were given on the command line. */
export interface GivenAnswers {
  readonly token?: string | undefined;
  readonly attach?: string | undefined;
  readonly invalid?: string | undefined;
  readonly upstream?: string | undefined;
}

/** Asks a person; `check` says what is wrong with an answer. Undefined: there is nobody to ask. */
export type Ask = (
  question: string,
  proposed: string,
  check: (answer: string) => string | undefined,
) => Promise<string>;

/** What the flow needs besides what can be read. Throws a CurlError. */
export async function decide(
  given: GivenAnswers,
  facts: SampleFacts | undefined,
  origin: string,
  ask: Ask | undefined,
): Promise<Decisions> {
  const token = await decideToken(given.token, facts, ask);
  const attach = await decideText(
    '--attach',
    given.attach,
    'Where do requests carry the token? header:NAME, "header:NAME=Bearer {token}", query:NAME, cookie:NAME',
    proposedAttach(token.value),
    readAttach,
    ask,
  );
  const invalid = await decideText(
    '--invalid',
    given.invalid,
    'How does the API answer a dead token? A status, or "200 /error/code=TOKEN_EXPIRED"',
    '401',
    readRule,
    ask,
  );
  const upstream = await decideText(
    '--upstream',
    given.upstream,
    'Which URL do requests go to?',
    origin,
    (text) => {
      if (!isUrl(text)) throw new CurlError('must be an http:// or https:// URL');
      return text.replace(/\/$/, '');
    },
    ask,
  );
  return { token, attach, invalid, upstream };
}

async function decideToken(
  given: string | undefined,
  facts: SampleFacts | undefined,
  ask: Ask | undefined,
): Promise<Decision<string>> {
  const check = (place: string): string => {
    const problem = locatorProblem(place);
    if (problem !== undefined) throw new CurlError(problem);
    if (facts !== undefined && !facts.places.some((one) => one.place === place))
      throw new CurlError('the answer has nothing there');
    return place;
  };
  if (given !== undefined) return { value: named('--token', () => check(given)), assumed: false };
  const [first, ...others] = facts?.tokens ?? [];
  if (first !== undefined && others.length === 0) return { value: first.place, assumed: false };
  if (facts !== undefined && first === undefined && ask === undefined) {
    const names = facts.places.map(({ place }) => place).filter((place) => /^[\w/:.*@-]{1,60}$/.test(place));
    const shown = names.slice(0, 12).join(', ') || 'none';
    throw new CurlError(`no field of the answer looks like a token; name its place with --token. There are: ${shown}`);
  }
  const which = facts?.tokens.map(({ place, value }) => `\n  ${place}: ${kindOf(value)}`).join('') ?? '';
  return decideText(
    '--token',
    undefined,
    `Where is the token in the answer?${which}`,
    first?.place ?? '/access_token',
    check,
    ask,
  );
}

async function decideText<T>(
  option: string,
  given: string | undefined,
  question: string,
  proposed: string,
  read: (text: string) => T,
  ask: Ask | undefined,
): Promise<Decision<T>> {
  if (given !== undefined) return { value: named(option, () => read(given)), assumed: false };
  if (ask === undefined) return { value: read(proposed), assumed: true };
  const problem = (text: string): string | undefined => {
    try {
      read(text);
      return undefined;
    } catch (error) {
      if (!(error instanceof CurlError)) throw error;
      return error.message;
    }
  };
  return { value: read(await ask(question, proposed, problem)), assumed: false };
}

function named<T>(option: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof CurlError ? new CurlError(`${option}: ${error.message}`) : error;
  }
}

/** A token from a cookie or a field of its own mostly travels the same way. */
function proposedAttach(token: string): string {
  if (token.startsWith('cookie:')) return token;
  if (token.startsWith('header:') && !/^header:(authorization|set-cookie)$/i.test(token)) return `${token}={token}`;
  return 'header:Authorization';
}

/** `header:Authorization`, `header:X-Key={token}`, `query:key`, `cookie:SID`, `cookies`, `path:/bot{token}`, … */
export function readAttach(text: string): DraftAttach {
  const [, kind, place = '', value] =
    /^(header|query|cookie|json|form|path):([^=]*)(?:=([\s\S]+))?$/.exec(text.trim()) ?? [];
  if (kind === undefined || place === '')
    throw new CurlError('must be such as header:Authorization, "header:X-Key={token}", query:key or cookie:SID');
  if (value !== undefined && !/\{[A-Za-z]\w*\}/.test(value))
    throw new CurlError('the text behind = must contain {token}');
  const plain =
    kind === 'header' && !/^authorization$/i.test(place) ? '{token}' : kind === 'header' ? 'Bearer {token}' : undefined;
  const filled = value ?? plain;
  return { [kind]: place, ...(filled !== undefined && { value: filled }) };
}

/** `401`, `401,403`, `200 /error/code=TOKEN_EXPIRED`, `/success=false /code=7`. */
export function readRule(text: string): DraftRule {
  const [first = '', ...rest] = text.trim().split(/ (?=\/|xml:|form:|text=)|^(?=\/|xml:|form:|text=)/);
  const isStatus = /^[1-5](\d\d|xx)(, *[1-5](\d\d|xx))*$/.test(first);
  const statuses = isStatus ? first.split(/, */).map((one) => (/^\d+$/.test(one) ? Number(one) : one)) : [];
  const body: Record<string, string | boolean> = {};
  for (const part of isStatus || first === '' ? rest : [first, ...rest]) {
    const equals = part.indexOf('=');
    const place = part.slice(0, equals);
    if (equals < 1 || locatorProblem(place) !== undefined)
      throw new CurlError('must be such as 401, or "200 /error/code=TOKEN_EXPIRED"');
    const value = part.slice(equals + 1);
    body[place] = /^(true|false)$/.test(value) ? value === 'true' : value;
  }
  if (statuses.length === 0 && Object.keys(body).length === 0)
    throw new CurlError('must be such as 401, or "200 /error/code=TOKEN_EXPIRED"');
  return {
    ...(statuses.length > 0 && { status: statuses.length === 1 ? statuses[0]! : statuses }),
    ...(Object.keys(body).length > 0 && { body }),
  };
}

/** A name for flow, account and route, from the host of the login. */
export function nameFromHost(hostname: string): string {
  const generic = new RegExp(
    '^(www|apis?|auth|login|id|iam|sso|oauth2?|accounts?|apps?|gateway|gw|identity|token|secure|v\\d|' +
      'co|com|net|org|gov|ac)$',
  );
  const labels = /^[\d.]+$|^\[|^localhost$/.test(hostname) ? [] : hostname.split('.').slice(0, -1);
  const name = labels.findLast((label) => !generic.test(label)) ?? labels.at(-1);
  return name === undefined || !/^[a-z0-9][a-z0-9_-]*$/.test(name) ? 'api' : name;
}
