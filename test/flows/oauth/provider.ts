import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import Provider from 'oidc-provider';
import { cutConnection, type Cut } from '../../support/cut-connection.ts';

/** One token request as the authorization server judged it. */
export interface Judged {
  /** Undefined: it was refused before it was known whose it is. */
  readonly clientId: string | undefined;
  readonly params: Readonly<Record<string, string | undefined>>;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** `granted`, or the error's code, and what the server says of it to its own operator. */
  readonly outcome: string;
}

interface ProviderOptions {
  readonly clients?: readonly Record<string, unknown>[];
  readonly features?: Record<string, unknown>;
  readonly configuration?: Record<string, unknown>;
  readonly tls?: { readonly cert: string; readonly key: string };
}

/** A real authorization server (oidc-provider) on loopback, with what these tests need of it. */
export class RealProvider {
  readonly issuer: string;
  /** The token requests, in order. */
  readonly judged: Judged[] = [];
  /** Requests of any kind: method and path. */
  readonly seen: string[] = [];
  /** Families revoked, because a spent refresh token came a second time: each by its client. */
  readonly revocations: (string | undefined)[] = [];
  /** Set to cut the next token request: before the server has looked at it, or after it has carried it out. */
  cutNext: Cut | undefined;
  readonly provider: Provider;
  readonly #server: ReturnType<typeof createServer>;

  private constructor(server: ReturnType<typeof createServer>, options: ProviderOptions) {
    this.#server = server;
    const { port } = server.address() as AddressInfo;
    this.issuer = `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
    this.provider = new Provider(this.issuer, {
      clients: options.clients ?? [],
      rotateRefreshToken: true,
      scopes: ['openid', 'offline_access', 'api'],
      clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'client_secret_jwt', 'private_key_jwt', 'none'],
      cookies: { keys: ['only for these tests'] },
      findAccount: (_context: unknown, id: string) => ({ accountId: id, claims: () => ({ sub: id }) }),
      ttl: { AccessToken: 600, ClientCredentials: 600, RefreshToken: 3_600, Grant: 3_600, DeviceCode: 600 },
      ...options.configuration,
      features: { clientCredentials: { enabled: true }, devInteractions: { enabled: true }, ...options.features },
    });
    const note = (context: Parameters<Parameters<Provider['on']>[1]>[0], outcome: string): void => {
      this.judged.push({
        clientId: context.oidc.client?.clientId,
        params: { ...context.oidc.params },
        headers: { ...context.headers } as Judged['headers'],
        outcome,
      });
    };
    this.provider.on('grant.success', (context) => note(context, 'granted'));
    this.provider.on('grant.error', (context, error) =>
      note(context, [error.error, error.error_detail].filter((part) => part !== undefined).join(': ')),
    );
    this.provider.on('grant.revoked', ({ oidc }) => this.revocations.push(oidc.client?.clientId));
    const answer = this.provider.callback();
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      const path = request.url!.split('?')[0]!;
      this.seen.push(`${request.method} ${path}`);
      if (path !== '/token' || !this.#cut(request, response)) void answer(request, response);
    });
  }

  static async start(options: ProviderOptions = {}): Promise<RealProvider> {
    const server =
      options.tls === undefined
        ? createServer()
        : createTlsServer({ ...options.tls, requestCert: true, rejectUnauthorized: false });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new RealProvider(server, options);
  }

  get revoked(): number {
    return this.revocations.length;
  }

  get outcomes(): string[] {
    return this.judged.map(({ outcome }) => outcome);
  }

  /** What consent in a browser would have come to: a new family, and its first refresh token. */
  async consent(
    clientId: string,
    { scope = 'offline_access api', ...bound }: { readonly scope?: string; readonly jkt?: string } = {},
  ): Promise<string> {
    const { Client, Grant, RefreshToken } = this.provider;
    const grant = new Grant({ accountId: 'somebody', clientId });
    grant.addOIDCScope(scope);
    const client = (await Client.find(clientId))!;
    const grantId = await grant.save();
    const values = { client, accountId: 'somebody', grantId, gty: 'authorization_code', scope, ...bound };
    return new RefreshToken(values).save();
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  /** True: the connection is gone, and nobody looks at the request. */
  #cut(request: IncomingMessage, response: ServerResponse): boolean {
    const { cutNext } = this;
    this.cutNext = undefined;
    return cutNext !== undefined && cutConnection(cutNext, request, response);
  }
}

/** A provider for every test of the surrounding describe; read it through the function this gives back. */
export function freshProvider(
  options: ProviderOptions | ((context: Mocha.Context) => ProviderOptions),
): () => RealProvider {
  let provider: RealProvider | undefined;
  beforeEach(async function () {
    provider = await RealProvider.start(typeof options === 'function' ? options(this) : options);
  });
  afterEach(async () => {
    await provider?.close();
    provider = undefined;
  });
  return () => provider!;
}

/** A client with a secret and client credentials. */
export function secretClient(method: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    client_id: 'my-app_1',
    // oidc-provider wants 32 characters for an HS256 key.
    client_secret: 's:e%c r+e&t/with=32-characters-or-more',
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [],
    token_endpoint_auth_method: method,
    ...more,
  };
}
export const SECRET_CREDENTIALS = { clientId: 'my-app_1', clientSecret: 's:e%c r+e&t/with=32-characters-or-more' };
