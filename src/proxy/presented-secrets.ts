import type { InboundRequest } from '../http/server/exchange.ts';

/** Fields in which clients send a key, a token or a password. */
const FIELDS = ['authorization', 'proxy-authorization', 'x-tokenward-key', 'x-api-key'] as const;
/** Shorter ones occur by chance in any text. Characters. */
const MIN_LENGTH = 6;
/** Of more, the longest: each is looked for in every part of the target. */
const MAX_SECRETS = 64;

/** The secrets that a client has sent in header fields. Most requests have none of these, and cost five look-ups. */
export function presentedSecrets(request: Pick<InboundRequest, 'field'>): readonly string[] {
  const found: string[] = [];
  for (const name of FIELDS) forEach(request.field(name), (value) => addCredentials(found, value));
  forEach(request.field('cookie'), (cookies) => {
    for (const pair of cookies.split(';')) found.push(pair.slice(pair.indexOf('=') + 1).trim());
  });
  const long = found.filter((secret) => secret.length >= MIN_LENGTH);
  return long.length <= MAX_SECRETS ? long : long.sort((a, b) => b.length - a.length).slice(0, MAX_SECRETS);
}

function forEach(value: string | string[] | undefined, act: (value: string) => void): void {
  if (typeof value === 'string') act(value);
  else value?.forEach(act);
}

/** A value with or without its scheme; of `Basic` the password too (RFC 7617 §2). */
function addCredentials(found: string[], value: string): void {
  const space = value.indexOf(' ');
  const rest = value.slice(space + 1).trim();
  found.push(rest);
  if (!/^basic$/i.test(value.slice(0, Math.max(space, 0)))) return;
  const text = Buffer.from(rest, 'base64').toString('utf8');
  found.push(text.slice(text.indexOf(':') + 1));
}
