import { createHash } from 'node:crypto';
import type { TokenNames } from './tokens.ts';

const CREDENTIAL_HEADERS = new Set(['authorization', 'authorizationjwt', 'refresh', 'proxy-authorization', 'cookie']);

/**
 * Raw headers with every credential replaced by a reference: `Bearer <softline#2>` for a token the
 * sandbox issued, `<unknown 1a2b3c4d>` (part of a digest, so that two can be told apart) for anything else.
 */
export function redactHeaders(rawHeaders: readonly string[], names: TokenNames): string[] {
  const out = rawHeaders.slice();
  for (let i = 0; i + 1 < out.length; i += 2) {
    const name = out[i];
    const value = out[i + 1];
    if (name === undefined || value === undefined || !CREDENTIAL_HEADERS.has(name.toLowerCase())) continue;
    out[i + 1] = reference(value, names);
  }
  return out;
}

function reference(value: string, names: TokenNames): string {
  const whole = names.get(value);
  if (whole !== undefined) return `<${whole}>`;
  const scheme = /^[A-Za-z]+ +/.exec(value)?.[0] ?? '';
  const secret = value.slice(scheme.length);
  const digest = (): string => `unknown ${createHash('sha256').update(secret).digest('hex').slice(0, 8)}`;
  return `${scheme}<${names.get(secret) ?? digest()}>`;
}
