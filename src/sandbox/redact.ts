import { createHash } from 'node:crypto';
import type { TokenNames } from './tokens.ts';

const CREDENTIAL_HEADERS = new Set(['authorization', 'authorizationjwt', 'refresh', 'proxy-authorization', 'cookie']);

/**
 * Raw headers with every credential replaced by a reference: `Bearer <softline#2>` for a token the
 * sandbox issued, `<unknown 1a2b3c4d>` (part of a digest, so that two can be told apart) for anything else.
 */
export function redactHeaders(rawHeaders: readonly string[], names: TokenNames): string[] {
  return rawHeaders.map((value, i) => {
    const name = i % 2 === 1 ? rawHeaders[i - 1]!.toLowerCase() : '';
    return CREDENTIAL_HEADERS.has(name) ? reference(value, names) : value;
  });
}

function reference(value: string, names: TokenNames): string {
  const whole = names.get(value);
  if (whole !== undefined) return `<${whole}>`;
  const scheme = /^[A-Za-z]+ +/.exec(value)?.[0] ?? '';
  const secret = value.slice(scheme.length);
  const digest = (): string => `unknown ${createHash('sha256').update(secret).digest('hex').slice(0, 8)}`;
  return `${scheme}<${names.get(secret) ?? digest()}>`;
}
