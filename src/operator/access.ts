import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Config } from '../config/schema.ts';
import { isLoopback } from '../loopback.ts';
import { SiteGuard } from '../http/server/site-guard.ts';
import { systemClock, type Clock } from '../tokens/clock.ts';
import { Sessions, type NewSession } from './sessions.ts';
import { WrongKeys } from './wrong-keys.ts';

/** Why the operator port refuses a request. */
interface Refusal {
  readonly status: 401 | 403 | 429;
  readonly code: string;
  readonly title: string;
  /** Seconds. */
  readonly retryAfter?: number;
}

/** `spare`: it spends the reserve or stops something, so a port that others reach needs a key for it. */
export type ActionKind = 'ordinary' | 'spare';

const HOST_REFUSED: Refusal = {
  status: 403,
  code: 'host_refused',
  title: 'Call the operator port by its address, as localhost, or by a name in operator.hosts.',
};
const CROSS_SITE: Refusal = { status: 403, code: 'cross_site', title: 'Requests from other sites are refused.' };
const KEY_MISSING: Refusal = {
  status: 401,
  code: 'operator_key_missing',
  title:
    "This needs the operator's key, as X-Tokenward-Key or Authorization: Bearer (on the command line: " +
    '--operator-key-file).',
};
const KEY_WRONG: Refusal = { status: 403, code: 'operator_key_wrong', title: "The key sent is not the operator's." };
const SPARE_NEEDS_KEY: Refusal = {
  status: 403,
  code: 'operator_key_missing',
  title: "The reserve is spent, and tokenward stopped, only with the operator's key: set operator.key.",
};

const SESSION_COOKIE = 'tokenward-operator';
/** A browser takes this name only with Secure, without Domain and for the whole host. */
const SECURE_COOKIE = `__Host-${SESSION_COOKIE}`;
const TOKEN_FIELD = 'x-tokenward-session';

/** Which requests to the operator port may read, and which may act. */
export class OperatorAccess {
  readonly #guard: SiteGuard;
  readonly #digest: Buffer | undefined;
  readonly #open: boolean;
  readonly #sessions: Sessions;
  readonly #wrongKeys: WrongKeys;

  constructor({ host, hosts, key }: Config['operator'], clock: Clock = systemClock) {
    this.#guard = new SiteGuard(hosts, host);
    this.#digest = key === undefined ? undefined : Buffer.from(key.slice('sha256:'.length), 'hex');
    this.#open = key === undefined && !isLoopback(host);
    this.#sessions = new Sessions(clock);
    this.#wrongKeys = new WrongKeys(clock);
  }

  /** Whether an action needs the operator's key, or a session that was begun with it. */
  get needsKey(): boolean {
    return this.#digest !== undefined;
  }

  /**
   * Why a request may not read; undefined: it may. The Host is checked, so that no page of another site can read this
   * port through a DNS name of its own. Not for /healthz, which reveals nothing and is requested under many names.
   */
  checkRead(request: IncomingMessage): Refusal | undefined {
    const { host } = request.headers;
    if (host === undefined || request.url === '/healthz' || this.#guard.knowsHost(host)) return undefined;
    return this.#keyOf(request) === 'right' ? undefined : HOST_REFUSED;
  }

  /** Why a request may not hold a connection: a page of another site could take all of them. */
  checkStream({ headers: { host = '', origin, 'sec-fetch-site': site } }: IncomingMessage): Refusal | undefined {
    const isForeign = this.#guard.isCrossSite(host, origin, typeof site === 'string' ? site : undefined);
    return isForeign ? CROSS_SITE : undefined;
  }

  /**
   * Why a request may not act; undefined: it may. Where a key is configured, it needs the right one or a session that
   * was begun with it; and it must not come from another site's page.
   */
  checkAction(request: IncomingMessage, kind: ActionKind): Refusal | undefined {
    if (this.#isForeign(request)) return CROSS_SITE;
    const address = addressOf(request);
    const key = this.#keyOf(request);
    if (key === 'right') this.#wrongKeys.forget(address);
    if (key === 'missing' && this.sessionOf(request) === undefined) return KEY_MISSING;
    if (key === 'wrong') {
      const wait = this.#wrongKeys.wait(address);
      if (wait > 0) return tooMany(wait);
      this.#wrongKeys.count(address);
      return KEY_WRONG;
    }
    return this.#open && kind === 'spare' ? SPARE_NEEDS_KEY : undefined;
  }

  /** Begins a session of a browser. Call it only for a request with the right key. */
  beginSession(request: IncomingMessage): { readonly session: NewSession; readonly cookie: string } {
    const session = this.#sessions.begin();
    const isSecure = request.headers.origin?.startsWith('https:') === true;
    const cookie =
      `${isSecure ? SECURE_COOKIE : SESSION_COOKIE}=${session.id}; Path=/; HttpOnly; SameSite=Strict; ` +
      `Max-Age=${session.maxAgeSeconds}${isSecure ? '; Secure' : ''}`;
    return { session, cookie };
  }

  /** Ends the request's session. Returns the cookies that remove it from the browser. */
  endSession(request: IncomingMessage): string[] {
    const id = cookieOf(request);
    if (id !== undefined) this.#sessions.end(id);
    const gone = 'Path=/; HttpOnly; SameSite=Strict; Max-Age=0';
    return [`${SESSION_COOKIE}=; ${gone}`, `${SECURE_COOKIE}=; ${gone}; Secure`];
  }

  /** The request's session, by cookie and header field. A browser's page sends both, and its origin. */
  sessionOf(request: IncomingMessage): string | undefined {
    const { [TOKEN_FIELD]: token } = request.headers;
    const id = cookieOf(request);
    return id !== undefined && typeof token === 'string' ? this.#sessions.find(id, token) : undefined;
  }

  /** Whether the request brings the right key itself. */
  hasKey(request: IncomingMessage): boolean {
    return this.#keyOf(request) === 'right';
  }

  /** By what right a request acts, for the log. */
  actorOf(request: IncomingMessage): string {
    if (this.#digest === undefined) return 'no key';
    const session = this.hasKey(request) ? undefined : this.sessionOf(request);
    return session === undefined ? 'key' : `session ${session}`;
  }

  #isForeign({ headers }: IncomingMessage): boolean {
    const { host = '', origin, 'sec-fetch-site': site } = headers;
    if (origin === undefined) return site !== undefined;
    return (
      !this.#guard.knowsHost(host) || this.#guard.isCrossSite(host, origin, typeof site === 'string' ? site : undefined)
    );
  }

  #keyOf({ headers }: IncomingMessage): 'none' | 'missing' | 'wrong' | 'right' {
    if (this.#digest === undefined) return 'none';
    const key = headers['x-tokenward-key'] ?? /^bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
    if (typeof key !== 'string' || key === '') return 'missing';
    return timingSafeEqual(createHash('sha256').update(key).digest(), this.#digest) ? 'right' : 'wrong';
  }
}

/** Where a request comes from, for the log. */
export function addressOf({ socket }: IncomingMessage): string {
  return socket.remoteAddress ?? 'unknown';
}

function tooMany(wait: number): Refusal {
  const retryAfter = Math.max(1, Math.ceil(wait / 1000));
  const title = `Too many wrong keys came from this address; the next may come in ${retryAfter} s.`;
  return { status: 429, code: 'too_many_wrong_keys', title, retryAfter };
}

function cookieOf({ headers: { cookie = '' } }: IncomingMessage): string | undefined {
  for (const pair of cookie.split(';', 100)) {
    const [name = '', value = ''] = pair.split('=', 2).map((text) => text.trim());
    if ((name === SESSION_COOKIE || name === SECURE_COOKIE) && value !== '') return value;
  }
  return undefined;
}
