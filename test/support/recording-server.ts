import { createServer, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** A request as it arrived. */
export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly body: string;
  readonly bytes: Buffer;
}

/** What to answer. */
export interface Reply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: unknown;
}

export interface RecordingServer {
  readonly url: string;
  /** Every request, in order. */
  readonly seen: SeenRequest[];
  close(): Promise<void>;
}

/** A server on loopback that keeps what arrives. A body that is no text is sent as JSON. */
export async function recordingServer(reply: (request: SeenRequest) => Reply): Promise<RecordingServer> {
  const seen: SeenRequest[] = [];
  const server = createServer((request, response) => {
    void buffer(request).then((body) => {
      const { method = '', url = '', headers, rawHeaders } = request;
      const one = { method, url, headers, rawHeaders, body: body.toString(), bytes: body };
      seen.push(one);
      const { status = 200, headers: fields = {}, body: content = {} } = reply(one);
      const text = typeof content === 'string' ? content : JSON.stringify(content);
      const all = { 'content-type': 'application/json', ...fields } as OutgoingHttpHeaders;
      response.writeHead(status, all).end(text);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    close: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
