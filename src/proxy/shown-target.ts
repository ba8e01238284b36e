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

/** What is known to be secret. */
export interface Secrets {
  /** What the request carried, from its client or from tokenward: masked wherever it stands. */
  readonly carried: readonly string[];
  /** Whether the configuration holds this text as a secret: masked as a segment or a value, however short it is. */
  readonly isConfigured: (text: string) => boolean;
}

/** A path for a log: cut in length, without what is, or may be, a secret. */
export function shownPath(path: string, secrets: Secrets): string {
  return cut(withoutSecrets(shownSegments(path, secrets), secrets));
}

/** Without an array, and the path itself where nothing is masked: nearly every request has such a one. */
function shownSegments(path: string, secrets: Secrets): string {
  let shown = '';
  let copied = 0;
  for (let start = 0, end = 0; end < path.length; start = end + 1) {
    const slash = path.indexOf('/', start);
    end = slash === -1 ? path.length : slash;
    const segment = path.slice(start, end);
    if (shownSegment(segment, secrets) === segment) continue;
    shown += path.slice(copied, start) + MASK;
    copied = end;
  }
  return copied === 0 ? path : shown + path.slice(copied);
}

/** A query for a log. Undefined: the target has none. */
export function shownQuery(target: string, secrets: Secrets): string | undefined {
  const mark = target.indexOf('?');
  if (mark === -1) return undefined;
  const shown = target
    .slice(mark + 1)
    .split('&')
    .map((pair) => {
      const at = pair.indexOf('=');
      if (at === -1) return shownSegment(pair, secrets);
      const name = pair.slice(0, at);
      const value = isSecretParameter(name) ? MASK : shownSegment(pair.slice(at + 1), secrets, true);
      return `${shownSegment(name, secrets)}=${value}`;
    })
    .join('&');
  return cut(withoutSecrets(shown, secrets));
}

function isSecretParameter(encoded: string): boolean {
  const name = decoded(encoded);
  return hasSecretName(name) || SECRET_PARAMETER.test(name) || SECRET_WORD.test(name);
}

/** `isForm`: a plus stands for a space. */
function shownSegment(segment: string, { isConfigured, carried }: Secrets, isForm = false): string {
  if (segment.length > MAX_SEGMENT || isConfigured(segment)) return MASK;
  const isEncoded = segment.includes('%') || (isForm && segment.includes('+'));
  if (!isEncoded) return segment;
  // Whatever is encoded of it, and with letters of either case.
  const text = decoded(isForm ? segment.replaceAll('+', ' ') : segment);
  return isConfigured(text) || carried.some((secret) => secret !== '' && text.includes(secret)) ? MASK : segment;
}

/** What is not UTF-8 is decoded byte by byte, so that a secret beside it is found. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text.replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  }
}

function withoutSecrets(text: string, { carried }: Secrets): string {
  let shown = text;
  if (carried.some((secret) => secret !== '' && text.includes(secret)))
    // The longest first: what is left of it would be readable, if a secret within it were masked before.
    for (const secret of carried.toSorted((one, other) => other.length - one.length))
      if (secret !== '') shown = shown.replaceAll(secret, MASK);
  return shown.includes('eyJ') || shown.includes('bot') ? shown.replaceAll(TOKEN_LIKE, MASK) : shown;
}

function cut(text: string): string {
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}...` : text;
}
