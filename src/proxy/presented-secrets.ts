import { isWellFormed } from '../flows/template.ts';
import type { InboundRequest } from '../http/server/exchange.ts';

/** Fields in which clients send a key, a token or a password. */
const FIELDS = ['authorization', 'proxy-authorization', 'x-tokenward-key', 'x-api-key'] as const;
/** Shorter ones occur by chance in any text. Characters. */
const MIN_LENGTH = 6;

/** The secrets that a client has sent in header fields, also as they are encoded in a URL. */
export function presentedSecrets(request: Pick<InboundRequest, 'field'>): readonly string[] {
  const found: string[] = [];
  for (const name of FIELDS) for (const value of listOf(request.field(name))) addCredentials(found, value);
  for (const cookies of listOf(request.field('cookie')))
    for (const pair of cookies.split(/; ?/)) add(found, pair.slice(pair.indexOf('=') + 1));
  return found;
}

function listOf(value: string | string[] | undefined): readonly string[] {
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}

/** A value with or without its scheme; of `Basic` the password too (RFC 7617 §2). */
function addCredentials(found: string[], value: string): void {
  const space = value.indexOf(' ');
  const rest = value.slice(space + 1).trim();
  add(found, rest);
  if (!/^basic$/i.test(value.slice(0, Math.max(space, 0)))) return;
  const text = Buffer.from(rest, 'base64').toString('utf8');
  add(found, text.slice(text.indexOf(':') + 1));
}

function add(found: string[], secret: string): void {
  if (secret.length < MIN_LENGTH) return;
  found.push(secret);
  // Half a surrogate pair cannot be encoded.
  if (/[^\w.~-]/.test(secret) && isWellFormed(secret)) found.push(encodeURIComponent(secret));
}
