import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { CallerConfig } from '../config/schema.ts';
import { TokenwardError } from '../errors.ts';

/** Somebody who may call, and the routes (prefixes) he may use; undefined: all. */
export interface Caller {
  readonly name: string;
  readonly digest: Buffer;
  readonly routes: ReadonlySet<string> | undefined;
}

export function callersOf(config: readonly CallerConfig[] | 'none'): readonly Caller[] | undefined {
  if (config === 'none') return undefined;
  return config.map(({ name, key, routes }) => ({ name, digest: Buffer.from(key.slice('sha256:'.length), 'hex'), routes: routes && new Set(routes) }));
}

/** The digest a configuration keeps of a caller's key. Keys are random and long, so a fast hash is enough. */
export function keyDigest(key: string): string {
  return `sha256:${createHash('sha256').update(key).digest('hex')}`;
}

/** Who sent this request. Throws 401 without a key, 403 with an unknown one or for a route that is not his. */
export function identifyCaller(callers: readonly Caller[], request: IncomingMessage, prefix: string): Caller {
  const key = presentedKey(request);
  if (key === undefined) throw new TokenwardError('caller_key_missing');
  const digest = createHash('sha256').update(key).digest();
  // Every digest is compared, and in constant time: the answer's delay tells nothing about how near a guess came.
  let found: Caller | undefined;
  for (const caller of callers) if (timingSafeEqual(caller.digest, digest)) found = caller;
  if (found === undefined) throw new TokenwardError('caller_key_unknown');
  if (found.routes !== undefined && !found.routes.has(prefix)) throw new TokenwardError('caller_not_allowed', { detail: `caller ${found.name}` });
  return found;
}

/** The key, from wherever a legacy app is able to put one. None of these headers ever travels on. */
function presentedKey(request: IncomingMessage): string | undefined {
  const { headers } = request;
  const own = headers['x-tokenward-key'] ?? headers['x-api-key'];
  if (typeof own === 'string' && own !== '') return own;
  for (const value of [headers.authorization, headers['proxy-authorization']]) {
    const [, scheme, rest] = value?.match(/^(bearer|basic) +(\S+) *$/i) ?? [];
    if (scheme === undefined || rest === undefined) continue;
    if (scheme.toLowerCase() === 'bearer') return rest;
    // Basic: whatever the user name, the key is the password.
    const pair = Buffer.from(rest, 'base64').toString('utf8');
    const colon = pair.indexOf(':');
    if (colon !== -1 && colon + 1 < pair.length) return pair.slice(colon + 1);
  }
  return undefined;
}
