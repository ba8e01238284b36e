import { request } from 'node:http';
import type { Duplex } from 'node:stream';

/** A response within a connection that is there already. */
export interface Within {
  readonly status: number;
  readonly code: string | undefined;
  /** Connection. */
  readonly connection: string | undefined;
  readonly body: string;
}

/** Sends one request on a connection, such as a tunnel, and reads its response. The connection stays open. */
export function askWithin(
  connection: Duplex,
  target: string,
  headers: Readonly<Record<string, string>>,
  method = 'GET',
): Promise<Within> {
  return new Promise((resolve, reject) => {
    const asking = request(
      { createConnection: () => connection, path: target, method, headers: { connection: 'keep-alive', ...headers } },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (piece: string) => (body += piece));
        response.on('error', reject);
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            code: response.headers['x-tokenward-error'] as string | undefined,
            connection: response.headers.connection,
            body,
          }),
        );
      },
    );
    asking.on('error', reject);
    asking.end();
  });
}
