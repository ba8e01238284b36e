import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import Provider from 'oidc-provider';
import { cutConnection, type Cut } from '../../support/cut-connection.ts';

/** One spent refresh token, as the server judged it. */
export interface Spending {
  /** Which refresh token: 0 for the first that was issued, 1 for its successor and so on, over all families. */
  readonly token: number | undefined;
  /** What came of it; the words of a refusal are the server's own. */
  readonly outcome: string;
}

/**
 * A real authorization server (oidc-provider) on loopback, with rotating refresh tokens and reuse detection, and the
 * API that takes its access tokens. It can cut the connection of the next token call.
 */
export class AuthorizationServer {
  readonly clientId = 'tokenward';
  readonly clientSecret = 'cl!ent $ecret';
  /** The token calls that reached the server, in order. */
  readonly spendings: Spending[] = [];
  /** The API's verdict on each call, in order. */
  readonly apiStatuses: number[] = [];
  /** Families revoked, because a spent refresh token came a second time. */
  revoked = 0;
  /** Token calls whose connection was cut. */
  cuts = 0;
  /** Set to cut the next token call: before the server has looked at it, or after it has carried it out. */
  cutNext: Cut | undefined;
  readonly url: string;
  readonly #provider: Provider;
  readonly #issued: string[] = [];
  readonly #accessTokens: string[] = [];
  readonly #server: ReturnType<typeof createServer>;

  private constructor(server: ReturnType<typeof createServer>) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const provider = new Provider(this.url, {
      clients: [
        {
          client_id: this.clientId,
          client_secret: this.clientSecret,
          grant_types: ['authorization_code', 'refresh_token'],
          response_types: ['code'],
          redirect_uris: ['https://app.example/callback'],
          token_endpoint_auth_method: 'client_secret_post',
        },
      ],
      rotateRefreshToken: true,
      scopes: ['offline_access', 'api'],
      features: { devInteractions: { enabled: false } },
      cookies: { keys: ['only for these tests'] },
      findAccount: (_context: unknown, id: string) => ({ accountId: id, claims: () => ({ sub: id }) }),
      ttl: { AccessToken: 600, RefreshToken: 3_600, Grant: 3_600 },
    });
    provider.on('grant.success', ({ body, oidc }) => {
      this.spendings.push({ token: this.#numberOf(oidc.params?.['refresh_token']), outcome: 'granted' });
      this.#issued.push(String(body['refresh_token']));
      this.#accessTokens.push(String(body['access_token']));
    });
    provider.on('grant.error', ({ oidc }, error) => {
      this.spendings.push({
        token: this.#numberOf(oidc.params?.['refresh_token']),
        outcome: error.error_detail ?? error.error,
      });
    });
    provider.on('grant.revoked', () => (this.revoked += 1));
    this.#provider = provider;
    const answer = provider.callback();
    server.on('request', (request, response) => {
      if (request.url!.startsWith('/api')) void this.#api(request, response);
      else if (!this.#cut(request, response)) void answer(request, response);
    });
  }

  static async start(): Promise<AuthorizationServer> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new AuthorizationServer(server);
  }

  /** What consent in a browser would have come to: a new family, and its first refresh token. */
  async consent(): Promise<string> {
    const { Client, Grant, RefreshToken } = this.#provider;
    const scope = 'offline_access api';
    const grant = new Grant({ accountId: 'somebody', clientId: this.clientId });
    grant.addOIDCScope(scope);
    const client = (await Client.find(this.clientId))!;
    const token = await new RefreshToken({
      client,
      accountId: 'somebody',
      grantId: await grant.save(),
      gty: 'authorization_code',
      scope,
    }).save();
    this.#issued.push(token);
    return token;
  }

  /** The API refuses every access token issued so far. Refresh tokens stay good. */
  async endAccessTokens(): Promise<void> {
    for (const value of this.#accessTokens) await (await this.#provider.AccessToken.find(value))?.destroy();
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  #numberOf(token: string | undefined): number | undefined {
    const index = token === undefined ? -1 : this.#issued.indexOf(token);
    return index < 0 ? undefined : index;
  }

  async #api(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, token] = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '') ?? [];
    const status = token !== undefined && (await this.#provider.AccessToken.find(token)) !== undefined ? 200 : 401;
    this.apiStatuses.push(status);
    response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
  }

  /** True: the connection is gone, and nobody looks at the request. */
  #cut(request: IncomingMessage, response: ServerResponse): boolean {
    const { cutNext } = this;
    if (cutNext === undefined) return false;
    this.cutNext = undefined;
    this.cuts += 1;
    return cutConnection(cutNext, request, response);
  }
}
