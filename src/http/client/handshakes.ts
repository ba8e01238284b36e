import { TokenwardError } from '../../errors.ts';
import { Connection, type ConnectionOwner, type ConnectionTimeouts } from './connection.ts';
import { dial, type Destination, type DialError } from './dial.ts';
import { connectFailure } from './pool.ts';
import type { UpstreamRequest } from './request.ts';
import type { UpstreamResponse } from './response.ts';

/**
 * Requests for another protocol, each on a connection of its own: one that was kept may be closing, and one that leaves
 * HTTP/1.1 would take a place of the pool for as long as it lives.
 */
export class Handshakes implements ConnectionOwner {
  readonly #destination: Destination;
  readonly #timeouts: ConnectionTimeouts & { readonly connect: number };
  readonly #dials = new Set<AbortController>();
  readonly #open = new Set<Connection>();
  #closed = false;
  #session: Buffer | undefined;

  constructor(destination: Destination, timeouts: ConnectionTimeouts & { readonly connect: number }) {
    this.#destination = destination;
    this.#timeouts = timeouts;
  }

  /** `response` receives the outcome. */
  run(request: UpstreamRequest, protocol: string, response: UpstreamResponse): void {
    if (this.#closed) {
      response.onFailure(shuttingDown());
      return;
    }
    const stop = new AbortController();
    this.#dials.add(stop);
    response.attach({
      pause: () => undefined,
      resume: () => undefined,
      cancel: () => {
        stop.abort();
        response.onFailure(new TokenwardError('upstream_broken', { detail: 'cancelled' }));
      },
    });
    const onSession = (session: Buffer): void => void (this.#session = session);
    dial(this.#destination, this.#timeouts.connect, stop.signal, this.#session, onSession).then(
      (socket) => {
        this.#dials.delete(stop);
        const connection = new Connection(socket, this, this.#timeouts, false, protocol);
        this.#open.add(connection);
        if (stop.signal.aborted) connection.destroy();
        else connection.start(request, response);
      },
      (error: unknown) => {
        this.#dials.delete(stop);
        this.#session = undefined;
        response.onFailure(this.#closed ? shuttingDown() : connectFailure(error as DialError));
      },
    );
  }

  /** Whether no handshake is under way. */
  get empty(): boolean {
    return this.#dials.size === 0 && this.#open.size === 0;
  }

  /** Closes all connections that have not left HTTP/1.1. */
  close(): void {
    this.#closed = true;
    for (const stop of this.#dials) stop.abort();
    for (const connection of this.#open) connection.destroy();
  }

  /** A connection carries one request, and is closed behind its response. */
  onIdle(connection: Connection): void {
    connection.destroy();
  }

  onClose(connection: Connection): void {
    this.#open.delete(connection);
  }
}

function shuttingDown(): TokenwardError {
  return new TokenwardError('shutting_down', { retryAfter: 1 });
}
