import { isDocument, type ReadResponse } from './response.ts';
import { xmlPlaces } from './xml.ts';

/** A place in a response, written as a locator, and what stands there. */
export interface Place {
  readonly place: string;
  readonly value: unknown;
}

/** Items of one list that are looked at. */
const MAX_ITEMS = 2;
/** Places of one response. */
const MAX_PLACES = 200;
const MAX_DEPTH = 20;
/** A body such as `token=abc&ttl=60`. */
const FORM = /^[\w.~%[\]-]+=[^&=\s<>]*(?:&[\w.~%[\]-]+=[^&=\s<>]*)*$/;
/** Header fields in which no API puts a value for its clients. */
const COMMON_FIELDS = new Set(
  [
    'accept-ranges age allow alt-svc cache-control connection content-encoding content-language content-length',
    'content-security-policy content-type date etag expires keep-alive last-modified link nel p3p pragma',
    'referrer-policy report-to retry-after server set-cookie strict-transport-security trailer transfer-encoding',
    'upgrade vary via www-authenticate x-content-type-options x-frame-options x-powered-by x-xss-protection',
    'permissions-policy cf-ray cf-cache-status server-timing',
  ].flatMap((line) => line.split(' ')),
);

/** Every place of a response that holds a single value: in its body, its cookies and its header fields. */
export function placesIn(response: ReadResponse): Place[] {
  const fields = Object.entries(response.raw.headers).filter(
    ([name, value]) => value !== undefined && !COMMON_FIELDS.has(name) && !name.startsWith('access-control-'),
  );
  return [
    ...bodyPlaces(response),
    ...[...response.cookies].map(([name, value]) => ({ place: `cookie:${name}`, value })),
    ...fields.map(([name, value]) => ({ place: `header:${name}`, value })),
  ].slice(0, MAX_PLACES);
}

function bodyPlaces(response: ReadResponse): Place[] {
  const text = response.text?.trim() ?? '';
  if (text === '') return [];
  if (isDocument(response.json)) return jsonPlaces(response.json, '', 0);
  const type = response.header('content-type') ?? '';
  if (text.startsWith('<') && !/html/i.test(type) && !/^<(!doctype )?html/i.test(text)) {
    const places = xmlPlaces(text).filter(([, value]) => value !== '');
    if (places.length > 0) return places.map(([path, value]) => ({ place: `xml:${path}`, value }));
  }
  if (/x-www-form-urlencoded/i.test(type) || (FORM.test(text) && response.json === undefined))
    return [...response.form].map(([name, value]) => ({ place: `form:${name}`, value }));
  return [{ place: 'text', value: typeof response.json === 'string' ? response.json : text }];
}

function jsonPlaces(value: object, at: string, depth: number): Place[] {
  const entries: [string, unknown][] = Array.isArray(value)
    ? (value as unknown[]).slice(0, MAX_ITEMS).map((item, index) => [String(index), item])
    : Object.entries(value);
  return entries.slice(0, MAX_PLACES).flatMap(([key, inner]) => {
    const place = `${at}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    return isDocument(inner) && Object.keys(inner).length > 0 && depth < MAX_DEPTH
      ? jsonPlaces(inner, place, depth + 1)
      : [{ place, value: inner }];
  });
}
