import { callBasic, clientBasic, clientForm, type ClientAuth, type ClientCredentials } from './client-auth.ts';
import type { TokenCall } from './flow.ts';
import { readsText } from './locator.ts';
import {
  fillForm,
  fillHeader,
  fillQuery,
  fillUrl,
  fillValue,
  fillXml,
  UnfitValueError,
  type TemplateValues,
} from './template.ts';
import { parseUrl } from '../parse-url.ts';
import { trimEnd } from '../trim-end.ts';

/** A request to a token endpoint, ready to be sent. Holds secrets: never log it. */
export interface TokenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

/** The URL of a call, without its query parameters. Throws an UnfillableError. */
export function urlOfCall(call: Pick<TokenCall, 'url'>, baseUrl: string | undefined, values: TemplateValues): string {
  const text = fillUrl(call.url, values);
  return /^https?:\/\//i.test(text) ? text : `${trimEnd(baseUrl ?? '', '/')}/${text.replace(/^\//, '')}`;
}

/** The request of a call. `client` and `auth`: client credentials to send, and how. Throws an UnfillableError. */
export function buildRequest(
  call: TokenCall,
  baseUrl: string | undefined,
  values: TemplateValues,
  client?: ClientCredentials,
  auth?: ClientAuth,
): TokenRequest {
  let url = urlOfCall(call, baseUrl, values);
  const query = fillQuery(call.query ?? {}, values);
  if (query !== '') url += `${url.includes('?') ? '&' : '?'}${query}`;
  if (!isWebUrl(url))
    throw new UnfitValueError('its address with the configured values is not an http:// or https:// URL');
  const headers: Record<string, string> = { accept: accepted(call), 'user-agent': 'tokenward' };
  for (const [name, text] of Object.entries(call.headers)) {
    const value = fillHeader(text, values);
    if (value !== '') headers[name.toLowerCase()] = value.trim();
  }
  if (call.basic !== undefined) headers['authorization'] = callBasic(call.basic, values);
  if (client !== undefined && auth === 'basic') headers['authorization'] = clientBasic(client);
  let body: string | undefined;
  if (call.json !== undefined) {
    body = JSON.stringify(fillValue(call.json, values));
    headers['content-type'] ??= 'application/json';
  } else if (call.form !== undefined || client !== undefined) {
    const clientFields = client !== undefined && auth === 'post' ? clientForm(client) : '';
    body = [fillForm(call.form ?? {}, values), clientFields].filter((part) => part !== '').join('&');
    headers['content-type'] ??= 'application/x-www-form-urlencoded';
  }
  if (call.xml !== undefined) {
    body = fillXml(call.xml, values);
    headers['content-type'] ??= 'text/xml; charset=utf-8';
  }
  return { method: call.method, url, headers, body };
}

/** What the call can read. */
function accepted({ answer, xml }: TokenCall): string {
  const places = Object.values(answer).filter((place) => typeof place === 'string');
  if (xml !== undefined || places.some((place) => place.startsWith('xml:')))
    return 'text/xml, application/xml, */*;q=0.5';
  return places.some(readsText) ? '*/*' : 'application/json';
}

function isWebUrl(text: string): boolean {
  const url = parseUrl(text);
  if (url === undefined) return false;
  const { protocol, username, password } = url;
  return /^https?:$/.test(protocol) && username === '' && password === '';
}
