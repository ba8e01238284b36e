import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../tokens/clock.ts';

/** A session ends so long after its last use, and so long after its beginning. ms. */
const IDLE_MS = 30 * 60_000;
const LIFETIME_MS = 8 * 3_600_000;
/** Each needs the operator's key, so they are few; one more ends the oldest. */
const MAX_SESSIONS = 100;

interface Session {
  /** For the log: part of a digest, with which nobody can act. */
  readonly name: string;
  readonly tokenDigest: Buffer;
  readonly beganAt: number;
  usedAt: number;
}

/** What a browser gets of a new session. */
export interface NewSession {
  readonly name: string;
  /** For the cookie. */
  readonly id: string;
  /**
   * For a header field. Cookies of one host go to every port of it, so a server on another port may see the cookie;
   * this it does not see.
   */
  readonly token: string;
  readonly maxAgeSeconds: number;
}

/** The sessions of operators in their browsers. They end with the process. */
export class Sessions {
  /** By the digest of the id, so that a lookup takes the same time for every guess. */
  readonly #sessions = new Map<string, Session>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  begin(): NewSession {
    const id = randomBytes(32).toString('base64url');
    const token = randomBytes(32).toString('base64url');
    const key = digest(id).toString('hex');
    const now = this.#clock.monotonic();
    const name = key.slice(0, 8);
    if (this.#sessions.size >= MAX_SESSIONS) this.#sessions.delete(this.#sessions.keys().next().value!);
    this.#sessions.set(key, { name, tokenDigest: digest(token), beganAt: now, usedAt: now });
    return { name, id, token, maxAgeSeconds: LIFETIME_MS / 1000 };
  }

  /** The name of the session to which both belong; undefined: there is none, or it has ended. */
  find(id: string, token: string): string | undefined {
    const key = digest(id).toString('hex');
    const session = this.#sessions.get(key);
    if (session === undefined || !timingSafeEqual(digest(token), session.tokenDigest)) return undefined;
    const now = this.#clock.monotonic();
    if (now - session.usedAt >= IDLE_MS || now - session.beganAt >= LIFETIME_MS) {
      this.#sessions.delete(key);
      return undefined;
    }
    session.usedAt = now;
    return session.name;
  }

  end(id: string): void {
    this.#sessions.delete(digest(id).toString('hex'));
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
