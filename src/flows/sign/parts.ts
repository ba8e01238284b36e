import { randomBytes } from 'node:crypto';
import { fillString, UnfillableError, type TemplateValues } from '../template.ts';
import { UnsignableRequestError, type RequestToSign } from './request-to-sign.ts';

/** A field of the request as one value (RFC 9110 §5.3). `name`: in lower case. */
export function fieldOf({ headers }: RequestToSign, name: string): string | undefined {
  const values: string[] = [];
  for (let i = 0; i < headers.length; i += 2)
    if (headers[i]!.toLowerCase() === name) values.push(headers[i + 1]!.trim());
  return values.length === 0 ? undefined : values.join(',');
}

/** The host that the upstream sees. */
export function hostOf(request: RequestToSign): string {
  return fieldOf(request, 'host') ?? new URL(request.origin).host;
}

/** Path and query of the target; the query without its question mark, undefined if there is none. */
export function splitTarget(target: string): [path: string, query: string | undefined] {
  const mark = target.indexOf('?');
  return mark === -1 ? [target, undefined] : [target.slice(0, mark), target.slice(mark + 1)];
}

/**
 * The target with more parameters in its query. Each replaces those of its name, and so do the `replaced` names, which
 * are in lower case.
 */
export function targetWith(
  target: string,
  parameters: readonly string[],
  replaced: readonly string[] = parameters.map(parameterName),
): string {
  const [path, query] = splitTarget(target);
  const others = query?.split('&').filter((pair) => !replaced.includes(parameterName(pair))) ?? [];
  const all = [...others, ...parameters];
  return all.length === 0 ? path : `${path}?${all.join('&')}`;
}

/** The name of an encoded parameter, in lower case: servers differ in whether its case matters. */
function parameterName(parameter: string): string {
  return parameter
    .split('=', 1)[0]!
    .replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    .toLowerCase();
}

/** The content, which the signature covers. */
export function knownBody(request: RequestToSign): Buffer {
  if (request.body === undefined)
    throw new UnsignableRequestError('the signature covers its content, which is streamed', true);
  return request.body;
}

/** RFC 5849 §3.6 and the like: everything but RFC 3986's unreserved characters is encoded. */
export function percentEncoded(content: string | Buffer): string {
  return Buffer.from(content)
    .toString('latin1')
    .replaceAll(/[^\w.~-]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
}

/** Fills in a text of the configuration. `what`: its name in an error. */
export function filledText(template: string, what: string, values: TemplateValues): string {
  const text = fillString(template, values);
  if (text === '') throw new UnfillableError(`${what} of the signature is empty`);
  return text;
}

/** The same for a text that may be left out or empty. */
export function filledOptional(template: string | undefined, values: TemplateValues): string {
  return template === undefined ? '' : fillString(template, values);
}

/** Refuses a value that a header field could not carry unchanged. It repeats none of it. */
export function checkVisible(text: string, what: string): void {
  if (!/^[\x20-\x7e]*$/.test(text) || text.trim() !== text)
    throw new UnfillableError(`${what} of the signature holds characters that a header cannot carry`);
}

/** 128 random bits: nobody guesses or repeats them. */
export function randomNonce(): string {
  return randomBytes(16).toString('hex');
}
