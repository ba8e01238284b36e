import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface TokenEndpoint {
  readonly url: string;
  /** Tokens granted so far. */
  granted(): number;
  close(): void;
}

/** Grants the same token again and again, in the form of ChatApp's API: its peers carry a fixed one. */
export async function startTokenEndpoint(token: string): Promise<TokenEndpoint> {
  let granted = 0;
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      granted += 1;
      const now = Math.floor(Date.now() / 1000);
      response.setHeader('content-type', 'application/json');
      response.end(
        JSON.stringify({
          success: true,
          data: {
            accessToken: token,
            accessTokenEndTime: now + 86_400,
            refreshToken: `refresh-${granted}`,
            refreshTokenEndTime: now + 14 * 86_400,
          },
        }),
      );
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    granted: () => granted,
    close: () => server.close(),
  };
}
