import { isDocument, type ReadResponse } from './response.ts';
import { pointed } from './pointer.ts';
import type { TemplateValues } from './template.ts';
import { xmlPlaces } from './xml.ts';

/*
 * Descriptions of a response for people. Never its body, which may quote what was sent: only status, content type, a
 * plain error code and plain names of fields.
 */

/** Names of fields in one description. */
const MAX_FIELD_NAMES = 12;
/** Codes of RFC 6749: they cannot quote a value. */
const STANDARD_CODES = new Set([
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'invalid_scope',
  'unauthorized_client',
  'unsupported_grant_type',
  'server_error',
  'temporarily_unavailable',
  'slow_down',
]);
const COMMON_TYPE =
  /^(application\/(json|xml|problem\+json|x-www-form-urlencoded|octet-stream)|text\/(html|plain|xml))$/;
/** Credentials that are no secrets, and whose words occur everywhere. */
const PUBLIC_CREDENTIALS = /url$|^(grantType|scope|audience|clientAuth)$/i;

/** The status, and the error code if it is plain. */
export function statusAndCode({ status, json }: ReadResponse, values: TemplateValues): string {
  const code = codeIn(json, values);
  return code === undefined ? `status ${status}` : `status ${status}, code ${code}`;
}

/** Host and status, and the error code, or the content type of a body that is not JSON. */
export function describeResponse(host: string, response: ReadResponse, values: TemplateValues): string {
  const code = codeIn(response.json, values);
  const start = `${host} answered ${response.status}`;
  if (code !== undefined) return `${start}, code ${code}`;
  const type = contentTypeOf(response, values);
  return isDocument(response.json) || type === undefined ? start : `${start} ${type}`;
}

/** The same with the names of the body's fields, for a response that lacks an expected one. */
export function describeResponseWithBody(host: string, response: ReadResponse, values: TemplateValues): string {
  return [host, 'answered', response.status, contentTypeOf(response, values), describeBody(response, values)]
    .filter((part) => part !== undefined)
    .join(' ');
}

function describeBody(response: ReadResponse, values: TemplateValues): string {
  const {
    json,
    raw: { body, headers },
  } = response;
  const coding = headers['content-encoding'] ?? '';
  if (body.trim() === '') return 'with an empty body';
  if (Array.isArray(json)) {
    const first: unknown = json[0];
    const inFirst =
      isDocument(first) && !Array.isArray(first) ? `, in its first item ${fields(namesIn(first), values)}` : '';
    return `with a list of ${json.length}${inFirst}`;
  }
  if (isDocument(json)) return `with ${fields(namesIn(json), values)}`;
  if (json !== undefined) return `with a ${json === null ? 'null' : typeof json} and no fields`;
  if (typeIn(response) === 'application/x-www-form-urlencoded')
    return `with ${fields([...new URLSearchParams(body).keys()], values)}`;
  if (!/^(identity)?$/i.test(coding.trim())) return 'in a content coding that could not be decoded';
  if (!/^\s*<(?!html|!doctype html)/i.test(body.replace(/^\ufeff/, ''))) return 'that is not JSON';
  return xmlPlaces(body).length > 0
    ? 'that is XML'
    : 'that is no readable XML (not well-formed, nested too deeply, or with a DOCTYPE)';
}

/** The top level first, then one level below. */
function namesIn(json: object): string[] {
  const entries = Object.entries(json);
  return [
    ...entries.map(([name]) => name),
    ...entries.flatMap(([name, value]) =>
      isDocument(value) && !Array.isArray(value) ? Object.keys(value).map((inner) => `${name}/${inner}`) : [],
    ),
  ];
}

function fields(names: readonly string[], values: TemplateValues): string {
  if (names.length === 0) return 'no fields';
  const plain = names.filter((name) => isPlain(name, values));
  const shown = plain.slice(0, MAX_FIELD_NAMES);
  const rest = names.length - shown.length;
  if (shown.length === 0)
    return rest === 1 ? '1 field whose name is not shown' : `${rest} fields whose names are not shown`;
  return `the fields ${shown.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}

/** True for a name that a programmer chose, not one made of data: words, with few digits. */
export function isPlain(name: string, values: TemplateValues): boolean {
  return (
    name
      .split('/')
      .every((part) => /^[A-Za-z_$@][A-Za-z0-9_.:-]{0,39}$/.test(part) && (part.match(/\d/g) ?? []).length <= 3) &&
    // A name of up to three characters is in every value and reveals nothing.
    !name.split('/').some((part) => part.length > 3 && quotesAny(part, values))
  );
}

/** The content type, unless it is an unusual one that repeats a part of a value. */
export function contentTypeOf(response: ReadResponse, values: TemplateValues): string | undefined {
  const type = typeIn(response);
  if (type === undefined || COMMON_TYPE.test(type)) return type;
  const folded = Object.entries(values).map(([name, value]) => [name, String(value).toLowerCase()] as const);
  return quotesAny(type, Object.fromEntries(folded)) ? undefined : type;
}

function typeIn({ raw: { headers } }: ReadResponse): string | undefined {
  return /^\s*([a-z]+\/[a-z0-9.+-]{1,60})\s*(;|$)/i.exec(headers['content-type'] ?? '')?.[1]?.toLowerCase();
}

function codeIn(json: unknown, values: TemplateValues): string | undefined {
  const code = ['/error/code', '/errors/0/error', '/error']
    .map((at) => pointed(json, at)[0])
    .find((value) => typeof value === 'string' || typeof value === 'number');
  const text = String(code);
  return code !== undefined &&
    /^[A-Za-z0-9_]{1,40}$/.test(text) &&
    (STANDARD_CODES.has(text) || !quotesAny(text, values))
    ? text
    : undefined;
}

function quotesAny(text: string, values: TemplateValues): boolean {
  return Object.entries(values).some(([name, value]) => !PUBLIC_CREDENTIALS.test(name) && quotes(text, String(value)));
}

/**
 * True if the text repeats a part of a value: six characters in a row, or all of it if one of the two is shorter
 * (values of up to three characters are no secrets).
 */
function quotes(text: string, value: string): boolean {
  const length = Math.min(text.length, Math.max(4, Math.min(6, value.length)));
  for (let from = 0; from + length <= text.length; from += 1)
    if (value.includes(text.slice(from, from + length))) return true;
  return false;
}
