import { isDeepStrictEqual } from 'node:util';
import { TokenwardError } from '../errors.ts';
import type { Token } from '../tokens/token.ts';
import { callBasic } from './client-auth.ts';
import { cookiesSet } from './content.ts';
import type { Attach, AttachPart, FixedPart } from './flow.ts';
import { DpopNonces } from './oauth/dpop.ts';
import { namesIn, textsOf } from './schema/attach.ts';
import type { Sign } from './sign/schema.ts';
import { Signing } from './signing.ts';
import {
  fillString,
  fillUrl,
  fitsCookie,
  fitsHeader,
  fitsXml,
  isWellFormed,
  MissingValueError,
  own,
  placeholdersIn,
  UnfillableError,
  UnfitValueError,
  type TemplateValues,
} from './template.ts';

/** A field to set in the body of a request. */
export interface BodyField {
  readonly kind: 'json' | 'form' | 'xml';
  /** A JSON pointer, the name of a form field, or a path of elements. */
  readonly at: string;
  readonly value: string;
}

/** What a token adds to a request. Made once per token, not per request. */
export interface Attachment {
  /** Names and values in turn; each replaces the client's fields of that name. */
  readonly headers: readonly string[];
  /** Encoded `name=value` to add to the query. */
  readonly query: readonly string[];
  /** `name=value` to add to the client's cookies. */
  readonly cookies: readonly string[];
  /** Stands before the path of the request; empty: nothing does. */
  readonly path: string;
  readonly body: readonly BodyField[];
  /** Signs each request; undefined: none is signed. */
  readonly signing: Signing | undefined;
  /** What no response may repeat, as it was sent and percent-encoded. */
  readonly secrets: readonly string[];
}

/** The values of an account that requests may carry, besides those of its token: its credentials. */
export type ValuesOf = (account: string) => TemplateValues;

/** A shorter text occurs in responses by chance. */
const MIN_SECRET_LENGTH = 8;

interface Made {
  readonly values: TemplateValues;
  readonly attachment: Attachment;
}

/** Makes the attachments of one flow. */
export class Attacher {
  /** The content of a request is changed, or a signature may cover it. */
  readonly needsContent: boolean;
  readonly #attach: Attach;
  readonly #valuesOf: ValuesOf;
  readonly #isSecret: (name: string) => boolean;
  readonly #nonces: DpopNonces;
  readonly #made: WeakMap<Token, Made>;
  #lastToken: Token | undefined;
  #last!: Made;

  /**
   * `isSecret`: whether a credential of this name must not be repeated. `former`: the one before a reload, whose
   * cookies and nonces go on to be used if it attaches the same.
   */
  constructor(attach: Attach, valuesOf: ValuesOf, isSecret: (name: string) => boolean, former?: Attacher) {
    const isSame = former !== undefined && isDeepStrictEqual(former.#attach, attach);
    this.#nonces = isSame ? former.#nonces : new DpopNonces();
    this.#made = isSame ? former.#made : new WeakMap();
    this.needsContent = attachesToBody(attach) || attach.some((part) => 'sign' in part);
    this.#attach = attach;
    this.#valuesOf = valuesOf;
    this.#isSecret = isSecret;
  }

  /** What an account's token adds to a request. Throws a TokenwardError if it cannot be attached. */
  of(token: Token, account: string): Attachment {
    // The credentials change when their files are read again.
    const values = this.#valuesOf(account);
    if (token === this.#lastToken && values === this.#last.values) return this.#last.attachment;
    const known = this.#made.get(token);
    if (known?.values === values) this.#remember(token, known);
    else if (known !== undefined && isDeepStrictEqual(known.values, values))
      this.#remember(token, { ...known, values });
    else
      this.#remember(token, {
        values,
        attachment: attachmentOf(this.#attach, token, values, this.#isSecret, this.#nonces),
      });
    return this.#last.attachment;
  }

  /**
   * Takes over what a response's Set-Cookie fields say of cookies that the token has brought: some servers give the
   * session a new id, or tie it to another node. In memory only: another process goes on with the ones that are stored.
   */
  keepCookies(token: Token, fields: readonly string[]): void {
    const made = this.#made.get(token);
    if (made === undefined) return;
    const { attachment } = made;
    const set = cookiesSet(fields);
    const cookies = attachment.cookies.map((pair) => {
      const name = pair.slice(0, pair.indexOf('='));
      const value = set.get(name);
      return value === undefined || !fitsCookie(value) ? pair : `${name}=${value}`;
    });
    if (cookies.every((pair, index) => pair === attachment.cookies[index])) return;
    const values = cookies.map(cookieValue).filter((value) => value.length >= MIN_SECRET_LENGTH);
    const secrets = [...new Set([...attachment.secrets, ...values])];
    this.#remember(token, { values: made.values, attachment: { ...attachment, cookies, secrets } });
  }

  #remember(token: Token, made: Made): void {
    this.#made.set(token, made);
    this.#lastToken = token;
    this.#last = made;
  }
}

/** Why requests cannot carry these values; undefined: they can. */
export function attachProblem(
  { attach, upstream }: { readonly attach: Attach; readonly upstream?: string | undefined },
  values: TemplateValues,
): string | undefined {
  try {
    if (upstream !== undefined) fillUrl(upstream, values);
    for (const part of attach) if (!('sign' in part)) fillPart(part, values);
    return undefined;
  } catch (error) {
    if (!(error instanceof UnfillableError)) throw error;
    return error.message;
  }
}

/** Names of the header fields that the attachments replace. */
export function attachedFields(attach: Attach): string[] {
  return attach.flatMap((part): string[] => {
    if ('header' in part) return [part.header];
    if ('basic' in part) return ['authorization'];
    return 'sign' in part ? signatureFields(part) : [];
  });
}

function signatureFields(part: Sign): string[] {
  if (part.sign === 'hmac') return Object.keys(part.headers);
  // A session token of the client's would be signed, and count.
  return part.sign === 'aws4' ? ['authorization', 'x-amz-date', 'x-amz-security-token'] : ['authorization'];
}

/** Whether they are cookies. */
export function attachesCookies(attach: Attach): boolean {
  return attach.some((part) => 'cookie' in part || 'cookies' in part);
}

/** Whether they change the body of a request. */
export function attachesToBody(attach: Attach): boolean {
  return attach.some((part) => !('sign' in part) && ('json' in part || 'form' in part || 'xml' in part));
}

/** The names that the attachments use. */
export function attachedNames(attach: Attach): string[] {
  return [...new Set(attach.flatMap(namesIn))];
}

function attachmentOf(
  attach: Attach,
  token: Token,
  credentials: TemplateValues,
  isSecret: (name: string) => boolean,
  nonces: DpopNonces,
): Attachment {
  const values: TemplateValues = { ...credentials, ...token.revealValues(), token: token.reveal() };
  const headers: string[] = [];
  const query: string[] = [];
  const cookies: string[] = [];
  const body: BodyField[] = [];
  let path = '';
  let signing: Signing | undefined;
  try {
    const signs = attach.filter((part) => 'sign' in part);
    const dpopKey = token.revealValues()['dpopKey'];
    if (signs.length > 0 || dpopKey !== undefined) signing = new Signing(signs, values, dpopKey, nonces);
    for (const part of attach) {
      if ('sign' in part) continue;
      const text = fillPart(part, values);
      if ('header' in part) headers.push(part.header, text);
      else if ('basic' in part) headers.push('authorization', text);
      else if ('query' in part) query.push(`${encodeURIComponent(part.query)}=${encodeURIComponent(text)}`);
      else if ('cookie' in part) cookies.push(`${part.cookie}=${text}`);
      else if ('cookies' in part) cookies.push(...text.split(/; ?/).filter((pair) => pair !== ''));
      else if ('path' in part) path += text;
      else if ('json' in part) body.push({ kind: 'json', at: part.json, value: text });
      else if ('xml' in part) body.push({ kind: 'xml', at: part.xml, value: text });
      else body.push({ kind: 'form', at: part.form, value: text });
    }
  } catch (error) {
    // A token that was obtained before the flow was changed.
    if (!(error instanceof UnfillableError)) throw error;
    throw new TokenwardError('token_unavailable', { detail: error.message });
  }
  return { headers, query, cookies, path, body, signing, secrets: secretsIn(attach, values, token, isSecret) };
}

/** The text of one place. Throws an UnfillableError if its place cannot carry the values. */
function fillPart(part: FixedPart, values: TemplateValues): string {
  if ('basic' in part) return callBasic(part.basic, values);
  // A colon is plain in a path (RFC 3986 §3.3), and tokens of bots have one.
  if ('path' in part) return fillUrl(part.path, values).replaceAll('%3A', ':');
  const template = textsOf(part)[0]!.text;
  const text = fillString(template, values);
  if (text === '') throw new MissingValueError(`no value for {${placeholdersIn(template)[0]!.name}}`);
  if ('header' in part && !fitsHeader(text)) throw unfit(part, 'header');
  if ('cookie' in part && !fitsCookie(text)) throw unfit(part, 'cookie');
  if ('cookies' in part && !text.split(/; ?/).every(isCookiePair)) throw unfit(part, 'cookie');
  if ('query' in part && !isWellFormed(text)) throw unfit(part, 'query');
  if ('xml' in part && !fitsXml(text)) throw unfit(part, 'XML document');
  return text;
}

function isCookiePair(pair: string): boolean {
  const equals = pair.indexOf('=');
  return pair === '' || (equals > 0 && fitsHeader(pair.slice(0, equals)) && fitsCookie(pair.slice(equals + 1)));
}

function unfit(part: AttachPart, place: string): UnfitValueError {
  const [name = 'token'] = namesIn(part);
  const what = name === 'token' ? 'the token' : `the value of {${name}}`;
  return new UnfitValueError(`${what} holds characters that a ${place} cannot carry`);
}

/** The token, values of answers, and secret credentials: whatever of them travels. */
function secretsIn(
  attach: Attach,
  values: TemplateValues,
  token: Token,
  isSecret: (name: string) => boolean,
): readonly string[] {
  const answers = token.revealValues();
  const texts = new Set<string>();
  for (const part of attach) {
    for (const name of namesIn(part)) {
      const value = own(values, name);
      if (typeof value !== 'string' || value === '') continue;
      // A fixed token is a credential, whatever its name and length.
      if (name === 'token' || value === token.reveal()) texts.add(value);
      else if (value.length >= MIN_SECRET_LENGTH && (Object.hasOwn(answers, name) || isSecret(name))) {
        for (const one of 'cookies' in part ? value.split(/; ?/).map(cookieValue) : [value])
          if (one.length >= MIN_SECRET_LENGTH) texts.add(one);
      }
    }
    if (!('sign' in part) && 'basic' in part) texts.add(fillPart(part, values).replace(/^Basic /, ''));
  }
  // In a query or a cookie a value may come back percent-encoded: a redirect often repeats the query.
  return [...new Set([...texts].filter(isWellFormed).flatMap((text) => [text, encodeURIComponent(text)]))];
}

function cookieValue(pair: string): string {
  return pair.slice(pair.indexOf('=') + 1);
}
