import { createPublicKey, generateKeyPairSync, X509Certificate, type JsonWebKey } from 'node:crypto';
import { calculateJwkThumbprint } from 'jose';
import { errors, type Adapter } from 'oidc-provider';
import { createMemoryAdapter } from 'oidc-provider/lib/adapters/memory_adapter.js';
import { newDpopKey } from '../../src/flows/oauth/dpop.ts';
import { RealProvider, secretClient } from '../flows/oauth/provider.ts';
import type { Cut } from '../support/cut-connection.ts';
import type { OauthAccount } from './account.ts';
import type { AuthorizationServer, Binding, Certificates, Count } from './authorization-server.ts';

const SECRET = 'a-secret-of-at-least-32-characters';
/** How long this server takes a spent refresh token again from the client `grace`. ms. */
const GRACE_MS = 30_000;
const CODE = {
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  redirect_uris: ['https://app.example/callback'],
};

/**
 * oidc-provider with all clients: it rotates refresh tokens, and revokes the family when a spent one comes again. It
 * has no password grant and no grace time; its own extension points serve for both.
 */
export class OidcProvider implements AuthorizationServer {
  readonly name = 'oidc-provider';
  readonly accounts: readonly OauthAccount[];
  readonly #real: RealProvider;

  private constructor(real: RealProvider, key: string) {
    this.#real = real;
    const secret = (clientId: string): Record<string, string> => ({ clientId, clientSecret: SECRET });
    this.accounts = [
      {
        name: 'refresh token',
        clientId: 'refresh',
        oauth: { grant: 'refresh_token' },
        credentials: secret('refresh'),
        recovery: 'person',
        consent: async () => ({ refreshToken: await real.consent('refresh') }),
      },
      {
        name: 'refresh token with a grace time',
        clientId: 'grace',
        oauth: { grant: 'refresh_token' },
        credentials: secret('grace'),
        recovery: 'grace',
        consent: async () => ({ refreshToken: await real.consent('grace') }),
      },
      {
        name: 'refresh token beside a login',
        clientId: 'password',
        oauth: { grant: 'password', scope: 'offline_access api' },
        credentials: { ...secret('password'), username: 'somebody', password: 'their password' },
        recovery: 'login',
      },
      {
        name: 'client credentials',
        clientId: 'machine',
        oauth: { scope: 'api' },
        credentials: secret('machine'),
        recovery: 'login',
      },
      {
        name: 'private_key_jwt',
        clientId: 'signing',
        oauth: { scope: 'api', clientAuth: 'private_key_jwt', key: '{key}' },
        credentials: { clientId: 'signing', key },
        recovery: 'login',
      },
      {
        name: 'DPoP',
        clientId: 'proving',
        oauth: { scope: 'api', dpop: true },
        credentials: secret('proving'),
        recovery: 'login',
        proof: 'dpop',
      },
      {
        name: 'refresh token bound by DPoP',
        clientId: 'bound',
        oauth: { grant: 'refresh_token', dpop: true },
        credentials: { clientId: 'bound' },
        recovery: 'person',
        proof: 'dpop',
        consent: async () => {
          const dpopKey = newDpopKey();
          const jkt = await calculateJwkThumbprint(JSON.parse(dpopKey) as JsonWebKey & { kty: string });
          return { refreshToken: await real.consent('bound', { jkt }), dpopKey };
        },
      },
      {
        name: 'client certificate',
        clientId: 'certified',
        oauth: { scope: 'api', clientAuth: 'tls' },
        credentials: { clientId: 'certified' },
        recovery: 'login',
        proof: 'certificate',
      },
    ];
    this.#addPasswordGrant();
  }

  static async start({ server, client }: Certificates): Promise<OidcProvider> {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const { raw, publicKey } = new X509Certificate(client.cert);
    const withSecret = (client_id: string, more: object): Record<string, unknown> =>
      secretClient('client_secret_basic', { client_id, client_secret: SECRET, ...more });
    const real = await RealProvider.start({
      tls: server,
      clients: [
        withSecret('refresh', CODE),
        withSecret('grace', CODE),
        withSecret('password', { ...CODE, grant_types: ['password', 'refresh_token', 'authorization_code'] }),
        withSecret('machine', {}),
        withSecret('signing', {
          client_secret: undefined,
          token_endpoint_auth_method: 'private_key_jwt',
          jwks: { keys: [createPublicKey(privateKey).export({ format: 'jwk' })] },
        }),
        withSecret('proving', { dpop_bound_access_tokens: true }),
        withSecret('bound', {
          ...CODE,
          client_secret: undefined,
          token_endpoint_auth_method: 'none',
          dpop_bound_access_tokens: true,
        }),
        withSecret('certified', {
          client_secret: undefined,
          token_endpoint_auth_method: 'self_signed_tls_client_auth',
          jwks: { keys: [{ ...publicKey.export({ format: 'jwk' }), x5c: [raw.toString('base64')] }] },
          tls_client_certificate_bound_access_tokens: true,
        }),
      ],
      configuration: {
        adapter: adapterWithGrace(),
        clientAuthMethods: ['client_secret_basic', 'private_key_jwt', 'none', 'self_signed_tls_client_auth'],
      },
      features: {
        dPoP: { enabled: true },
        mTLS: {
          enabled: true,
          selfSignedTlsClientAuth: true,
          certificateBoundAccessTokens: true,
          getCertificate: ({ socket }: { socket: { getPeerX509Certificate(): X509Certificate | undefined } }) =>
            socket.getPeerX509Certificate(),
        },
      },
    });
    return new OidcProvider(real, privateKey.export({ format: 'pem', type: 'pkcs8' }) as string);
  }

  get issuer(): string {
    return this.#real.issuer;
  }

  get cutNext(): Cut | undefined {
    return this.#real.cutNext;
  }

  set cutNext(cut: Cut | undefined) {
    this.#real.cutNext = cut;
  }

  async count(clientId: string): Promise<Count> {
    const outcomes = this.#real.judged.filter((one) => one.clientId === clientId).map(({ outcome }) => outcome);
    const refused = outcomes.filter((outcome) => outcome !== 'granted');
    const revoked = this.#real.revocations.filter((one) => one === clientId).length;
    return { granted: outcomes.length - refused.length, refused, revoked };
  }

  async look(accessToken: string): Promise<Binding | undefined> {
    const found = await this.#find(accessToken);
    return found === undefined ? undefined : { jkt: found.jkt, x5t: found['x5t#S256'] };
  }

  async end(accessToken: string): Promise<void> {
    await (await this.#find(accessToken))?.destroy();
  }

  close(): Promise<void> {
    return this.#real.close();
  }

  async #find(accessToken: string) {
    const { AccessToken, ClientCredentials } = this.#real.provider;
    return (await AccessToken.find(accessToken)) ?? (await ClientCredentials.find(accessToken));
  }

  #addPasswordGrant(): void {
    const { provider } = this.#real;
    const grantTokens = async (context: Parameters<Parameters<typeof provider.registerGrantType>[1]>[0]) => {
      const { params = {} } = context.oidc;
      const client = context.oidc.client!;
      const { username: accountId = '', password, scope = '' } = params;
      if (password !== 'their password') throw new errors.InvalidGrant('wrong password');
      const grant = new provider.Grant({ accountId, clientId: client.clientId });
      grant.addOIDCScope(scope);
      const values = { client, accountId, grantId: await grant.save(), gty: 'password', scope };
      context.body = {
        access_token: await new provider.AccessToken(values).save(),
        token_type: 'Bearer',
        expires_in: 600,
        refresh_token: await new provider.RefreshToken(values).save(),
      };
    };
    provider.registerGrantType('password', grantTokens, ['username', 'password', 'scope']);
  }
}

/** Things in memory, where a refresh token of the client `grace` counts as spent only after the grace time. */
function adapterWithGrace(): (model: string) => Adapter {
  const create = createMemoryAdapter();
  return (model) => {
    const adapter = create(model);
    if (model !== 'RefreshToken') return adapter;
    const find = adapter.find.bind(adapter);
    adapter.find = async (id) => {
      const found = await find(id);
      if (found?.['clientId'] !== 'grace' || found['consumed'] === undefined) return found;
      const { consumed, ...unspent } = found;
      return Date.now() - Number(consumed) * 1000 < GRACE_MS ? unspent : found;
    };
    return adapter;
  };
}
