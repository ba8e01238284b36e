import { encoded, hashOf, hmacOf, keyBytes } from '../digests.ts';
import { fillString, UnfillableError, type TemplateValues } from '../template.ts';
import { HMAC_NAMES } from './names.ts';
import {
  checkVisible,
  fieldOf,
  filledText,
  hostOf,
  knownBody,
  percentEncoded,
  splitTarget,
  targetWith,
} from './parts.ts';
import type { RequestToSign, Signer } from './request-to-sign.ts';
import { holdsSignature, type SignHmac } from './schema.ts';

/*
 * An HMAC of a text that the flow composes. Texts are filled in once, so that braces in a request mean nothing; and as
 * bytes (strings with a character for each), because a request's content need not be UTF-8.
 */

/** A value of the request as bytes; undefined: it is one of the flow. */
type OfRequest = (name: string) => string | undefined;

/** The key. Throws an UnfillableError if it is empty, or not written as it should be. */
export function hmacKey({ key, keyEncoding }: SignHmac, values: TemplateValues): Buffer {
  const bytes = keyBytes(filledText(key, 'key', values), keyEncoding);
  if (bytes === undefined) throw new UnfillableError(`key of the signature is not written as ${keyEncoding}`);
  return bytes;
}

export function hmacSigner(config: SignHmac, values: TemplateValues, nonce: () => string): Signer {
  const key = hmacKey(config, values);
  // fillString refuses an empty value; of a request, the query or the content may be empty.
  const known = { ...values };
  for (const name of [...HMAC_NAMES, ...Object.keys(config.hashes), 'signature']) known[name] = '-';
  const fill = (template: string, ofRequest: OfRequest): string =>
    fillString(bytesOf(template), known, (text, name) => ofRequest(name) ?? bytesOf(text));
  const parameters = Object.entries(config.query);
  const names = parameters.map(([name]) => name.toLowerCase());
  const unsigned = parameters.filter(([, template]) => !holdsSignature(template));
  const signed = parameters.filter(([, template]) => holdsSignature(template));
  const fillParameters = (entries: readonly (readonly [string, string])[], ofRequest: OfRequest): string[] =>
    entries.flatMap(([name, template]) => {
      const value = fill(template, ofRequest);
      return value === '' ? [] : [`${percentEncoded(name)}=${percentEncoded(Buffer.from(value, 'latin1'))}`];
    });

  return (request) => {
    const ownNonce = nonce();
    const at = (target: string): OfRequest => withHashes(config, valuesOf(config, request, target, ownNonce), fill);
    const query = fillParameters(unsigned, at(request.target));
    // The upstream checks what it gets: the query with all parameters but the signature itself.
    const ofRequest = at(targetWith(request.target, query, names));
    const text = encoded(hmacOf(config.hash, key, Buffer.from(fill(config.of, ofRequest), 'latin1')), config.encoding);
    const withSignature: OfRequest = (name) => (name === 'signature' ? text : ofRequest(name));
    const headers = Object.entries(config.headers).flatMap(([name, template]) => {
      const value = fill(template, withSignature);
      checkVisible(value, `headers.${name}`);
      return value === '' ? [] : [name.toLowerCase(), value];
    });
    return { headers, query: [...query, ...fillParameters(signed, withSignature)] };
  };
}

function valuesOf(config: SignHmac, request: RequestToSign, target: string, nonce: string): OfRequest {
  const [path, query = ''] = splitTarget(target);
  return (name) => {
    switch (name) {
      case 'method':
        return request.method;
      case 'path':
        return path;
      case 'query':
        return query;
      case 'sortedQuery':
        return sorted(query);
      case 'target':
        return target;
      case 'host':
        return hostOf(request);
      case 'contentType':
        return fieldOf(request, 'content-type') ?? '';
      case 'timestamp':
        return String(Math.floor(request.now / 1000));
      case 'timestampMs':
        return String(Math.floor(request.now));
      case 'date':
        return new Date(request.now).toUTCString();
      case 'isoDate':
        return new Date(request.now).toISOString();
      case 'nonce':
        return nonce;
      case 'body':
        return knownBody(request).toString('latin1');
      case 'bodyHash':
        return hashOf(config.hash, knownBody(request)).toString('hex');
      case 'bodyHashBase64':
        return hashOf(config.hash, knownBody(request)).toString('base64');
      case 'bodyMd5':
        return hashOf('md5', knownBody(request)).toString('base64');
      default:
        return undefined;
    }
  };
}

/** Adds the hashes of the flow's own, computed where a text uses them. */
function withHashes(
  { hashes }: SignHmac,
  ofRequest: OfRequest,
  fill: (template: string, ofRequest: OfRequest) => string,
): OfRequest {
  return (name) => {
    if (!Object.hasOwn(hashes, name)) return ofRequest(name);
    const { hash, of, encoding } = hashes[name]!;
    const bytes = hashOf(hash, Buffer.from(fill(of, ofRequest), 'latin1'));
    return encoding === 'binary' ? bytes.toString('latin1') : encoded(bytes, encoding);
  };
}

/** By name, and of the same name by value; as they were sent otherwise. */
function sorted(query: string): string {
  const nameOf = (pair: string): string => pair.split('=', 1)[0]!;
  return query
    .split('&')
    .filter((pair) => pair !== '')
    .sort((a, b) => (nameOf(a) === nameOf(b) ? (a < b ? -1 : 1) : nameOf(a) < nameOf(b) ? -1 : 1))
    .join('&');
}

/** A text as one character for each byte of its UTF-8. */
function bytesOf(text: string): string {
  return Buffer.from(text).toString('latin1');
}
