import type { TokenwardError } from '../../errors.ts';
import type { UpstreamRequest } from './request.ts';
import type { Destination } from './dial.ts';
import { Handshakes } from './handshakes.ts';
import { ConnectionPool, type PoolOptions } from './pool.ts';
import { UpstreamResponse } from './response.ts';
import { RetryBudget } from './retry-budget.ts';

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** One upstream with its connections and its retry budget. */
export class Upstream {
  readonly #pool: ConnectionPool;
  readonly #retries = new RetryBudget();
  readonly #handshakes: Handshakes;

  constructor(destination: Destination, options: PoolOptions) {
    this.#pool = new ConnectionPool(destination, options);
    this.#handshakes = new Handshakes(destination, options.timeouts);
  }

  /**
   * Sends a request. Resolves with the response once its header section is here; the body still arrives. Rejects with a
   * TokenwardError. A safe method is sent a second time, on a new connection, if the connection breaks before the first
   * byte of the response, as an idle one does that the upstream was closing. Any other method is not: it may have taken
   * effect. At most a tenth of the requests are repeated.
   */
  send(request: UpstreamRequest, onStart: (response: UpstreamResponse) => void): Promise<UpstreamResponse> {
    this.#retries.countRequest(performance.now());
    return new Promise((resolve, reject) => {
      const dispatch = (fresh: boolean, onFailure: (error: TokenwardError) => void): void => {
        const response = new UpstreamResponse(resolve, onFailure);
        current = response;
        onStart(response);
        this.#pool.run(request, response, fresh);
      };
      let current: UpstreamResponse;
      const repeatable =
        SAFE_METHODS.has(request.method) && (request.body.kind === 'none' || request.body.kind === 'buffered');
      dispatch(
        false,
        repeatable
          ? (error) => {
              if (
                error.code === 'upstream_broken' &&
                current.silent &&
                !current.cancelled &&
                this.#retries.tryTake(performance.now())
              )
                dispatch(true, reject);
              else reject(error);
            }
          : reject,
      );
    });
  }

  /**
   * Asks for another protocol than HTTP/1.1, on a connection of its own. Resolves and rejects like `send`, with status
   * 101 and `switched` if the upstream agrees. Never sent twice: a new connection is not closed by chance.
   */
  handshake(
    request: UpstreamRequest,
    protocol: string,
    onStart: (response: UpstreamResponse) => void,
  ): Promise<UpstreamResponse> {
    return new Promise((resolve, reject) => {
      const response = new UpstreamResponse(resolve, reject);
      onStart(response);
      this.#handshakes.run(request, protocol, response);
    });
  }

  /** Keeps no connection from now on; requests in flight end, and late ones are still sent. */
  retire(): void {
    this.#pool.retire();
  }

  /** Whether it has no connection and no request. */
  get empty(): boolean {
    return this.#pool.empty && this.#handshakes.empty;
  }

  /** The connections that are kept, and what waits for one. Those of handshakes are not among them. */
  get connections(): ConnectionPool['counts'] {
    return this.#pool.counts;
  }

  /** Closes all connections. */
  close(): void {
    this.#handshakes.close();
    this.#pool.close();
  }
}
