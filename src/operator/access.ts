import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Config } from '../config/schema.ts';
import { isLoopback } from '../loopback.ts';
import { SiteGuard } from '../http/server/site-guard.ts';

/** Why the operator port refuses a request. */
interface Refusal {
  readonly status: 401 | 403;
  readonly code: string;
  readonly title: string;
}

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
const RESERVE_NEEDS_KEY: Refusal = {
  status: 403,
  code: 'operator_key_missing',
  title: "The reserve is spent only with the operator's key: set operator.key.",
};

/** Which requests to the operator port may read, and which may act. */
export class OperatorAccess {
  readonly #guard: SiteGuard;
  readonly #digest: Buffer | undefined;
  readonly #open: boolean;

  constructor({ host, hosts, key }: Config['operator']) {
    this.#guard = new SiteGuard(hosts, host);
    this.#digest = key === undefined ? undefined : Buffer.from(key.slice('sha256:'.length), 'hex');
    this.#open = key === undefined && !isLoopback(host);
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

  /**
   * Why a request may not act; undefined: it may. It needs the right key where one is configured, and must not come
   * from another site's page.
   */
  checkAction(request: IncomingMessage, useReserve: boolean): Refusal | undefined {
    const { host = '', origin, 'sec-fetch-site': site } = request.headers;
    const knownHost = this.#guard.knowsHost(host);
    if (
      origin === undefined
        ? site !== undefined
        : !knownHost || this.#guard.isCrossSite(host, origin, typeof site === 'string' ? site : undefined)
    ) {
      return CROSS_SITE;
    }
    const key = this.#keyOf(request);
    if (key === 'missing') return KEY_MISSING;
    if (key === 'wrong') return KEY_WRONG;
    return this.#open && useReserve ? RESERVE_NEEDS_KEY : undefined;
  }

  #keyOf({ headers }: IncomingMessage): 'none' | 'missing' | 'wrong' | 'right' {
    if (this.#digest === undefined) return 'none';
    const key = headers['x-tokenward-key'] ?? /^bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
    if (typeof key !== 'string' || key === '') return 'missing';
    return timingSafeEqual(createHash('sha256').update(key).digest(), this.#digest) ? 'right' : 'wrong';
  }
}
