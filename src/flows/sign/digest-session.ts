import { createHash } from 'node:crypto';
import { UnfillableError, type TemplateValues } from '../template.ts';
import { parseChallenges, type Challenge } from './challenges.ts';
import { filledText, knownBody, percentEncoded, randomNonce } from './parts.ts';
import type { RequestToSign, Signature } from './request-to-sign.ts';
import type { SignDigest } from './schema.ts';

/*
 * HTTP Digest authentication (RFC 7616). Own code: http-auth-utils computes neither -sess nor auth-int, quotes what
 * must not be quoted, and cannot read many challenges (challenges.ts).
 */

/** Node's names of the hashes, the strongest first (RFC 7616 §3.3). */
const HASHES: readonly (readonly [algorithm: string, hash: string])[] = [
  ['sha-512-256', 'sha512-256'],
  ['sha-256', 'sha256'],
  ['md5', 'md5'],
];
const NOTHING: Signature = { headers: [], query: [] };

/** A challenge that can be answered. */
interface Answerable {
  readonly realm: string;
  readonly nonce: string;
  readonly opaque: string | undefined;
  /** As the server writes it; undefined: not at all, which means MD5. */
  readonly algorithm: string | undefined;
  readonly hash: string;
  readonly isSession: boolean;
  /** Empty: a server of RFC 2069. */
  readonly qops: readonly ('auth' | 'auth-int')[];
  readonly userhash: boolean;
  readonly stale: boolean;
}

/** The state of one account at one server: the last challenge, and how often it was answered. */
export class DigestSession {
  readonly #user: string;
  readonly #password: string;
  readonly #newCnonce: () => string;
  /** Which challenge a signature answered. */
  readonly #answered = new WeakMap<Signature, Answerable>();
  #challenge: Answerable | undefined;
  #count = 0;
  /** Of the whole session, as -sess makes its key of it. */
  #cnonce = '';

  /** Throws an UnfillableError for missing credentials, or a user that Digest cannot have. */
  constructor(config: SignDigest, values: TemplateValues, cnonce: () => string = randomNonce) {
    this.#user = filledText(config.user, 'user', values);
    this.#password = filledText(config.password, 'password', values);
    // A colon would end it; a control character has no place in a field.
    if (/[:\x00-\x1f\x7f]/.test(this.#user))
      throw new UnfillableError('user of the signature holds characters that Digest authentication cannot carry');
    this.#newCnonce = cnonce;
  }

  /** Nothing before the first challenge. Throws an UnfillableError if the server wants the hash of streamed content. */
  sign(request: RequestToSign): Signature {
    const challenge = this.#challenge;
    if (challenge === undefined) return NOTHING;
    const value = this.#credentials(challenge, request);
    const signature: Signature = { headers: ['authorization', value], query: [] };
    this.#answered.set(signature, challenge);
    return signature;
  }

  /**
   * Takes the challenges of a 401, several fields joined by commas. True: it is new, and the request is worth one
   * replay. False: it cannot be answered, or it was, which means a wrong password. `sent`: what `sign` gave for the
   * refused request; requests may overlap, so the last challenge is not always the one that it answered.
   */
  challenged(wwwAuthenticate: string, sent?: Signature): boolean {
    const next = strongest(parseChallenges(wwwAuthenticate));
    if (next === undefined) return false;
    const refused = sent === undefined ? this.#challenge : this.#answered.get(sent);
    const isNew = next.stale || !isSame(next, refused);
    // The same nonce goes on counting: a count that comes twice is refused as an attack.
    if (isNew && !isSame(next, this.#challenge)) {
      this.#challenge = next;
      this.#count = 0;
      this.#cnonce = this.#newCnonce();
    }
    return isNew;
  }

  #credentials(challenge: Answerable, request: RequestToSign): string {
    const { realm, nonce, opaque, algorithm, hash, isSession, qops, userhash } = challenge;
    const qop = qops.includes('auth') ? 'auth' : qops[0];
    const h = (content: string | Buffer): string => createHash(hash).update(content).digest('hex');
    const bodyHash = qop === 'auth-int' ? `:${h(knownBody(request))}` : '';
    this.#count += 1;
    const count = this.#count.toString(16).padStart(8, '0');
    const cnonce = isSession || this.#count === 1 ? this.#cnonce : this.#newCnonce();
    const secret = h(`${this.#user}:${realm}:${this.#password}`);
    const key = isSession ? h(`${secret}:${nonce}:${cnonce}`) : secret;
    const what = h(`${request.method}:${request.target}${bodyHash}`);
    const response = h([key, nonce, ...(qop === undefined ? [] : [count, cnonce, qop]), what].join(':'));
    return `Digest ${[
      userhash ? `username=${quoted(h(`${this.#user}:${realm}`))}` : username(this.#user),
      `realm=${quoted(realm)}`,
      `nonce=${quoted(nonce)}`,
      `uri=${quoted(request.target)}`,
      ...(algorithm === undefined ? [] : [`algorithm=${algorithm}`]),
      ...(qop === undefined ? [] : [`qop=${qop}`, `nc=${count}`]),
      ...(qop === undefined && !isSession ? [] : [`cnonce=${quoted(cnonce)}`]),
      `response="${response}"`,
      ...(opaque === undefined ? [] : [`opaque=${quoted(opaque)}`]),
      ...(userhash ? ['userhash=true'] : []),
    ].join(', ')}`;
  }
}

function isSame(next: Answerable, other: Answerable | undefined): boolean {
  return other !== undefined && next.nonce === other.nonce && next.realm === other.realm && next.hash === other.hash;
}

/** The strongest challenge that can be answered; of equals the first. */
function strongest(challenges: readonly Challenge[]): Answerable | undefined {
  const answerable = challenges.map(answerableOf).filter((one) => one !== undefined);
  return HASHES.map(([, hash]) => answerable.find((one) => one.hash === hash)).find((one) => one !== undefined);
}

/** Undefined: another scheme, an unknown algorithm or qop, or values that a field cannot return unchanged. */
function answerableOf({ scheme, parameters }: Challenge): Answerable | undefined {
  const [realm, nonce, opaque, algorithm] = ['realm', 'nonce', 'opaque', 'algorithm'].map((name) =>
    parameters.get(name),
  );
  const isSession = /-sess$/i.test(algorithm ?? '');
  const family = (algorithm ?? 'md5').toLowerCase().replace(/-sess$/, '');
  const hash = HASHES.find(([name]) => name === family)?.[1];
  const offered = (parameters.get('qop') ?? '')
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((qop) => qop !== '');
  const qops = (['auth', 'auth-int'] as const).filter((qop) => offered.includes(qop));
  if (scheme !== 'digest' || realm === undefined || nonce === undefined || hash === undefined) return undefined;
  if (offered.length > 0 && qops.length === 0) return undefined;
  if (![realm, nonce, opaque ?? ''].every((text) => /^[\x20-\x7e]*$/.test(text))) return undefined;
  return {
    ...{ realm, nonce, opaque, algorithm, hash, isSession, qops },
    userhash: parameters.get('userhash')?.toLowerCase() === 'true',
    stale: parameters.get('stale')?.toLowerCase() === 'true',
  };
}

/** RFC 7616 §3.4: a name that is not ASCII travels as an extended value (RFC 8187). */
function username(user: string): string {
  return /^[\x20-\x7e]*$/.test(user) ? `username=${quoted(user)}` : `username*=UTF-8''${percentEncoded(user)}`;
}

function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, '\\$&')}"`;
}
