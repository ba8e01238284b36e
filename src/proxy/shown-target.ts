import { hasSecretName } from '../config/secrets.ts';

/** Of a path or a query, more is cut off. Characters. */
const MAX_SHOWN = 512;
/** A segment that is longer is no name or number that a person looks for, and may be a token. Characters. */
const MAX_SEGMENT = 64;
const MASK = '***';
/** A JWT, in part or whole; and what Telegram puts into paths: bot, its number, and its token. */
const TOKEN_LIKE = /eyJ[A-Za-z0-9_-]{8,}(\.[\w-]*)*|bot\d{5,}(:|%3[Aa])[\w-]{20,}/g;
/** Further names of parameters that carry a secret in URLs (OAuth 2.0, signed URLs). */
const SECRET_PARAMETER = /^(?:assertion|auth|code|hash|hmac|jwt|otp|session|sessionid|sid|sig|state|ticket)$/i;
const SECRET_WORD = /credential|password|secret|signature|token/i;

/** A path for a log: cut in length, without what may be a secret. `secrets`: what the request carried. */
export function shownPath(path: string, secrets: readonly string[]): string {
  // Nearly all paths are short.
  const masked = path.length <= MAX_SEGMENT ? path : path.split('/').map(shownSegment).join('/');
  return cut(withoutSecrets(masked, secrets));
}

/** A query for a log. Undefined: the target has none. */
export function shownQuery(target: string, secrets: readonly string[]): string | undefined {
  const mark = target.indexOf('?');
  if (mark === -1) return undefined;
  const shown = target
    .slice(mark + 1)
    .split('&')
    .map((pair) => {
      const at = pair.indexOf('=');
      if (at === -1) return shownSegment(pair);
      const name = pair.slice(0, at);
      const value = pair.slice(at + 1);
      return `${shownSegment(name)}=${value.length > MAX_SEGMENT || isSecretParameter(name) ? MASK : value}`;
    })
    .join('&');
  return cut(withoutSecrets(shown, secrets));
}

function isSecretParameter(encoded: string): boolean {
  let name = encoded;
  try {
    name = decodeURIComponent(encoded);
  } catch {
    // Whoever reads it so, reads no name of a secret.
  }
  return hasSecretName(name) || SECRET_PARAMETER.test(name) || SECRET_WORD.test(name);
}

function shownSegment(segment: string): string {
  return segment.length > MAX_SEGMENT ? MASK : segment;
}

function withoutSecrets(text: string, secrets: readonly string[]): string {
  let shown = text;
  for (const secret of secrets) if (secret !== '' && shown.includes(secret)) shown = shown.replaceAll(secret, MASK);
  return shown.includes('eyJ') || shown.includes('bot') ? shown.replaceAll(TOKEN_LIKE, MASK) : shown;
}

function cut(text: string): string {
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}...` : text;
}
