import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly form: URLSearchParams;
}

export interface Reply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Not text: sent as JSON. */
  readonly body?: unknown;
}

/** A server that answers what the test says, and keeps what it saw. */
export class Endpoint {
  readonly seen: SeenRequest[] = [];
  /** Answers one request; the test may replace it. */
  answer: (request: SeenRequest, count: number) => Reply;
  readonly #server: Server;

  private constructor(server: Server, answer: Endpoint['answer']) {
    this.#server = server;
    this.answer = answer;
    server.on('request', (request, response) => {
      void text(request).then((body) => {
        const seen: SeenRequest = {
          method: request.method!,
          path: request.url!,
          headers: request.headers,
          form: new URLSearchParams(body),
        };
        this.seen.push(seen);
        const { status = 200, headers, body: answered = {} } = this.answer(seen, this.seen.length);
        const isText = typeof answered === 'string';
        response
          .writeHead(status, { ...(!isText && { 'content-type': 'application/json' }), ...headers })
          .end(isText ? answered : JSON.stringify(answered));
      });
    });
  }

  static async start(answer: Endpoint['answer'] = () => GRANT): Promise<Endpoint> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Endpoint(server, answer);
  }

  get url(): string {
    return `http://${this.host}`;
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }
}

export const GRANT: Reply = { body: { access_token: 'abc', token_type: 'Bearer', expires_in: 3600 } };

/** RFC 6749 §5.2. */
export function no(error: string, status = 400, headers: Readonly<Record<string, string>> = {}): Reply {
  return { status, headers, body: { error } };
}

/** An endpoint for every test of the surrounding describe. */
export function freshEndpoint(answer?: Endpoint['answer']): () => Endpoint {
  let endpoint: Endpoint | undefined;
  beforeEach(async () => {
    endpoint = await Endpoint.start(answer);
  });
  afterEach(async () => {
    await endpoint?.close();
    endpoint = undefined;
  });
  return () => endpoint!;
}
