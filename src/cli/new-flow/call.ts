import { hasSecretName } from '../../config/secrets.ts';
import type { JsonTemplate } from '../../flows/json-template.ts';
import { decodedUrl, type CurlRequest } from './curl.ts';
import { looksRandom, type DraftCredentials } from './credentials.ts';
import { CurlError } from './shell-words.ts';

/** A call of a flow in the making: its keys in the order in which they are written. */
export interface DraftCall {
  readonly baseUrl: string;
  readonly method: string;
  readonly url: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly basic?: string;
  readonly json?: JsonTemplate;
  readonly form?: Readonly<Record<string, string>>;
  readonly xml?: string;
  /** OAuth 2.0's grant_type. */
  readonly grant: string | undefined;
  readonly notes: readonly string[];
}

type Body = Pick<DraftCall, 'json' | 'form' | 'xml'>;

/** The call that makes this request, with placeholders for credentials. Throws a CurlError. */
export function draftCall(request: CurlRequest, credentials: DraftCredentials): DraftCall {
  const notes: string[] = [];
  const { url } = request;
  const fields = request.body === undefined ? undefined : bodyOf(request, request.body, notes);
  const grant = fields?.kind === 'form' ? fields.pairs.find(([name]) => name === 'grant_type')?.[1] : undefined;
  if (grant === 'authorization_code')
    throw new CurlError(
      'an authorization code can be used once only, so it is no login; take the flow oauth2-refresh, and bring the ' +
        'refresh token with tokenward import',
    );
  const field = (name: string, value: string): string =>
    grant === 'refresh_token' && name === 'refresh_token' ? '{refreshToken}' : credentials.field(name, value);
  // The body first: its names are the ones that people know.
  const body = fields === undefined ? {} : templateOf(fields, field, credentials, notes);
  const basic = request.basic === undefined ? undefined : basicOf(request.basic, grant, credentials);
  const query = recordOf([...url.searchParams], field, 'parameters');
  const headers = headersOf(request, body, credentials);
  const path = url.pathname
    .split('/')
    .map((part) =>
      looksRandom(part) ? credentials.take('pathKey', decodedUrl(part), true) : credentials.withoutSecrets(part),
    )
    .join('/');
  return {
    baseUrl: url.origin,
    method: request.method,
    url: path,
    ...(Object.keys(query).length > 0 && { query }),
    ...(Object.keys(headers).length > 0 && { headers }),
    ...(basic !== undefined && { basic }),
    ...body,
    grant,
    notes,
  };
}

type Fields =
  | { readonly kind: 'json'; readonly value: JsonTemplate }
  | { readonly kind: 'form'; readonly pairs: readonly (readonly [string, string])[] }
  | { readonly kind: 'xml'; readonly text: string };

function bodyOf({ contentType }: CurlRequest, body: string, notes: string[]): Fields {
  const type = contentType ?? '';
  if (/multipart/i.test(type)) throw new CurlError('multipart/form-data cannot be sent by a flow');
  const isJson = /json/i.test(type);
  if (isJson || (!/urlencoded|xml/i.test(type) && /^\s*[[{]/.test(body))) {
    let value: unknown;
    try {
      value = JSON.parse(body);
    } catch {
      throw new CurlError('the body should be JSON and is not well-formed; is a quote missing?');
    }
    if (!isJson) notes.push('the body is JSON, so the flow sends it as application/json; the command did not say so');
    return { kind: 'json', value: value as JsonTemplate };
  }
  if (/xml/i.test(type) || body.trimStart().startsWith('<')) return { kind: 'xml', text: body };
  if (!body.includes('='))
    throw new CurlError('the body is neither JSON nor a form nor XML, which are what a flow can send');
  return { kind: 'form', pairs: [...new URLSearchParams(body)] };
}

function templateOf(
  fields: Fields,
  field: (name: string, value: string) => string,
  credentials: DraftCredentials,
  notes: string[],
): Body {
  if (fields.kind === 'json') return { json: jsonOf(fields.value, '', field, notes) };
  if (fields.kind === 'form') return { form: recordOf(fields.pairs, field, 'fields') };
  return { xml: credentials.withoutSecrets(xmlOf(fields.text.trim(), field)) };
}

function jsonOf(
  value: JsonTemplate,
  name: string,
  field: (name: string, value: string) => string,
  notes: string[],
): JsonTemplate {
  if (Array.isArray(value)) return value.map((item) => jsonOf(item, name, field, notes));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, jsonOf(inner, key, field, notes)]));
  if (typeof value === 'string') return field(name, value);
  // Small numbers are versions, types and limits.
  if (typeof value !== 'number' || (Math.abs(value) < 1000 && !hasSecretName(name))) return value;
  const text = field(name, String(value));
  if (text === String(value)) return value;
  notes.push('a number of the body became a credential, and is sent as text; for a number, write it into the flow');
  return text;
}

/** Texts of elements that hold no other ones, and of attributes. */
function xmlOf(text: string, field: (name: string, value: string) => string): string {
  const local = (name: string): string => name.slice(name.indexOf(':') + 1);
  return text
    .replaceAll(/<([\w:.-]+)((?:\s[^<>]*)?)>([^<>]+)<\//g, (whole, name: string, attributes: string, value: string) => {
      if (attributes.endsWith('/') || value.trim() === '') return whole;
      const filled = field(local(name), unescapeXml(value.trim()));
      return filled === unescapeXml(value.trim()) ? whole : `<${name}${attributes}>${filled}</`;
    })
    .replaceAll(/ ([\w:.-]+)="([^"<>]*)"/g, (whole, name: string, value: string) => {
      if (/^(xmlns|xsi|version$|encoding$|type$|standalone$)/.test(name)) return whole;
      const filled = field(local(name), unescapeXml(value));
      return filled === unescapeXml(value) ? whole : ` ${name}="${filled}"`;
    });
}

function unescapeXml(text: string): string {
  const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
  return text.replaceAll(/&(amp|lt|gt|quot|apos);/g, (_, name: string) => named[name]!);
}

function recordOf(
  pairs: readonly (readonly [string, string])[],
  field: (name: string, value: string) => string,
  what: string,
): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of pairs) {
    if (Object.hasOwn(result, name)) throw new CurlError(`two ${what} have one name, which a flow cannot send`);
    result[name] = field(name.replace(/\]$/, '').replace(/^.*\[/, ''), value);
  }
  return result;
}

function basicOf(basic: string, grant: string | undefined, credentials: DraftCredentials): string {
  const [user = '', ...rest] = basic.split(':');
  const password = rest.join(':');
  const names = grant === undefined ? (['username', 'password'] as const) : (['clientId', 'clientSecret'] as const);
  const [userName, passwordName] = names;
  const name = credentials.take(userName, user, false);
  return `${name}:${password === '' ? '' : credentials.take(passwordName, password, true)}`;
}

function headersOf(
  { headers, cookie, contentType }: CurlRequest,
  body: Body,
  credentials: DraftCredentials,
): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of headers) {
    const [, scheme, rest] = /^([A-Za-z][\w-]*) +(\S.*)$/.exec(value) ?? [];
    if (/^(proxy-)?authorization$/i.test(name))
      result[name] =
        scheme === undefined
          ? credentials.take('apiToken', value, true)
          : `${scheme} ${credentials.take('apiToken', rest!, true)}`;
    else result[name] = credentials.header(name, value);
  }
  if (cookie !== undefined) result['Cookie'] = credentials.take('cookie', cookie, true);
  const usual =
    body.json !== undefined ? /^application\/json\b/i : body.form !== undefined ? /urlencoded/i : /^text\/xml/i;
  if (contentType !== undefined && Object.keys(body).length > 0 && !usual.test(contentType))
    result['Content-Type'] = contentType;
  return result;
}
