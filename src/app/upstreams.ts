import { LRUCache } from 'lru-cache';
import type { RouteConfig } from '../config/schema.ts';
import { destinationOf } from '../http/client/dial.ts';
import { Upstream } from '../http/client/upstream.ts';
import { clientTls } from '../http/tls.ts';

/** Origins of one route whose connections are kept: an answer may name them, such as an instance for each account. */
const MAX_ORIGINS = 2_000;

/** Connects to the origins of one route. */
export type Connect = (origin: string) => Upstream;

/** The upstreams of one route as it is reached now. */
interface RouteUpstreams {
  readonly connect: Connect;
  readonly byOrigin: LRUCache<string, Upstream>;
}

/**
 * The connections to the upstreams of all routes. A reload keeps those of each route that is reached as before; the
 * others are closed behind their responses.
 */
export class Upstreams {
  readonly #routes = new Map<string, RouteUpstreams>();
  /** Those that a reload has replaced, while they have connections. */
  readonly #retired = new Set<Upstream>();

  /**
   * `tlsContent`: by TLS file, a digest of its content. `egress`: the configured corporate proxy; `via`: what it is for
   * an origin. Throws a TlsFileError.
   */
  of(
    config: RouteConfig,
    tlsContent: ReadonlyMap<string, string>,
    egress: string,
    via: (origin: string) => string,
  ): { readonly key: string; readonly connect: Connect } {
    const { name, upstream, tls, maxConnections, freshConnection, timeouts } = config;
    const contents = [tls?.caFile, tls?.certFile, tls?.keyFile].map((path) => path && (tlsContent.get(path) ?? ''));
    const key = JSON.stringify([name, upstream, tls, contents, egress, maxConnections, freshConnection, timeouts]);
    const known = this.#routes.get(key);
    if (known !== undefined) return { key, connect: known.connect };
    const options = clientTls(tls);
    // By size: with `max` the cache allocates its arrays for the full number at once.
    const byOrigin = new LRUCache<string, Upstream>({
      maxSize: MAX_ORIGINS,
      sizeCalculation: () => 1,
      dispose: (upstream, _, reason) => reason === 'evict' && this.#retire(upstream),
    });
    const connect = (origin: string): Upstream => {
      let found = byOrigin.get(origin);
      if (found === undefined) {
        found = new Upstream(destinationOf(origin, options, via(origin)), {
          maxConnections,
          singleUse: freshConnection,
          timeouts,
        });
        byOrigin.set(origin, found);
      }
      return found;
    };
    this.#routes.set(key, { connect, byOrigin });
    return { key, connect };
  }

  /** Keeps those of these keys, and retires all others. */
  retain(keys: ReadonlySet<string>): void {
    for (const upstream of this.#retired) if (upstream.empty) this.#retired.delete(upstream);
    for (const [key, { byOrigin }] of this.#routes) {
      if (keys.has(key)) continue;
      this.#routes.delete(key);
      for (const upstream of byOrigin.values()) this.#retire(upstream);
    }
  }

  #retire(upstream: Upstream): void {
    upstream.retire();
    if (!upstream.empty) this.#retired.add(upstream);
  }

  /** Closes all connections. */
  close(): void {
    for (const { byOrigin } of this.#routes.values()) for (const upstream of byOrigin.values()) upstream.close();
    for (const upstream of this.#retired) upstream.close();
  }
}
