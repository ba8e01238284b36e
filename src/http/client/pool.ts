import { setMaxListeners } from 'node:events';
import { TokenwardError } from '../../errors.ts';
import { Connection, type ConnectionOwner, type ConnectionTimeouts } from './connection.ts';
import type { UpstreamRequest } from './request.ts';
import { dial, type Destination, type DialError } from './dial.ts';
import type { UpstreamResponse } from './response.ts';

export interface PoolOptions {
  readonly maxConnections: number;
  /** Each connection serves one request. */
  readonly singleUse?: boolean;
  /** ms; 0: no limit. */
  readonly timeouts: ConnectionTimeouts & { readonly connect: number };
}

interface QueuedRequest {
  readonly request: UpstreamRequest;
  readonly response: UpstreamResponse;
}

/**
 * The connections to one upstream. The one used last is used first, so that the others stay idle and we close them
 * before the server does. A request for which none is free is queued.
 */
export class ConnectionPool implements ConnectionOwner {
  readonly #destination: Destination;
  readonly #options: PoolOptions;
  readonly #idle: Connection[] = [];
  readonly #open = new Set<Connection>();
  readonly #queue = new Set<QueuedRequest>();
  readonly #stop = new AbortController();
  #dialling = 0;
  #retired = false;
  #session: Buffer | undefined;

  constructor(destination: Destination, options: PoolOptions) {
    this.#destination = destination;
    this.#options = options;
    // Each connection attempt adds one listener.
    setMaxListeners(0, this.#stop.signal);
  }

  /**
   * Runs one exchange, now or as soon as a connection is free. `response` receives the outcome. `fresh`: on a new
   * connection, because an idle one has just broken and the others may be as old.
   */
  run(request: UpstreamRequest, response: UpstreamResponse, fresh = false): void {
    if (!fresh) {
      for (let connection = this.#idle.pop(); connection !== undefined; connection = this.#idle.pop()) {
        if (!connection.usable) continue;
        connection.start(request, response);
        return;
      }
    } else if (this.#open.size >= this.#options.maxConnections) {
      // Makes room for a new one.
      this.#idle.shift()?.destroy();
    }
    const queued: QueuedRequest = { request, response };
    this.#queue.add(queued);
    response.attach({
      pause: () => undefined,
      resume: () => undefined,
      cancel: () => {
        if (this.#queue.delete(queued))
          response.onFailure(new TokenwardError('upstream_broken', { detail: 'cancelled' }));
      },
    });
    this.#dialIfNeeded();
  }

  /** From now on every connection is closed behind its response: a reload has replaced this pool. */
  retire(): void {
    this.#retired = true;
    for (const connection of this.#idle.splice(0)) connection.destroy();
  }

  /** Whether it has no connection and no request. */
  get empty(): boolean {
    return this.#open.size === 0 && this.#queue.size === 0 && this.#dialling === 0;
  }

  /** For metrics. */
  get counts(): {
    readonly busy: number;
    readonly idle: number;
    readonly connecting: number;
    readonly waiting: number;
  } {
    const idle = this.#idle.length;
    return { busy: this.#open.size - idle, idle, connecting: this.#dialling, waiting: this.#queue.size };
  }

  /** Closes all connections and fails queued requests. */
  close(): void {
    this.#stop.abort();
    for (const connection of this.#open) connection.destroy();
    for (const { response } of this.#queue) response.onFailure(new TokenwardError('shutting_down', { retryAfter: 1 }));
    this.#queue.clear();
  }

  onIdle(connection: Connection): void {
    const next = this.#dequeue();
    if (next !== undefined) {
      connection.start(next.request, next.response);
      return;
    }
    if (this.#retired) {
      connection.destroy();
      return;
    }
    this.#idle.push(connection);
    connection.park();
  }

  onClose(connection: Connection): void {
    this.#open.delete(connection);
    const at = this.#idle.indexOf(connection);
    if (at !== -1) this.#idle.splice(at, 1);
    this.#dialIfNeeded();
  }

  #dequeue(): QueuedRequest | undefined {
    for (const queued of this.#queue) {
      this.#queue.delete(queued);
      return queued;
    }
    return undefined;
  }

  /** Opens one connection for each queued request, within the limit. */
  #dialIfNeeded(): void {
    while (
      !this.#stop.signal.aborted &&
      this.#dialling < this.#queue.size &&
      this.#dialling + this.#open.size < this.#options.maxConnections
    )
      void this.#dial();
  }

  async #dial(): Promise<void> {
    this.#dialling += 1;
    try {
      const socket = await dial(
        this.#destination,
        this.#options.timeouts.connect,
        this.#stop.signal,
        this.#session,
        (session) => {
          this.#session = session;
        },
      );
      this.#dialling -= 1;
      const connection = new Connection(socket, this, this.#options.timeouts, this.#options.singleUse !== true);
      this.#open.add(connection);
      if (this.#stop.signal.aborted) connection.destroy();
      else this.onIdle(connection);
    } catch (error) {
      this.#dialling -= 1;
      // A TLS session that the server rejects must not fail the next connection too.
      this.#session = undefined;
      this.#dequeue()?.response.onFailure(connectFailure(error as DialError));
      this.#dialIfNeeded();
    }
  }
}

/** No connection could be made: nothing was sent. */
export function connectFailure(error: DialError): TokenwardError {
  const { code } = error;
  if (code === 'ETIMEDOUT')
    return new TokenwardError('upstream_timeout', { detail: 'no connection in time', cause: error });
  return new TokenwardError('upstream_unreachable', {
    detail: /CERT|SSL|TLS|UNABLE_TO|SELF_SIGNED|ALTNAME/.test(code) ? `TLS: ${code}` : code,
    cause: error,
  });
}
