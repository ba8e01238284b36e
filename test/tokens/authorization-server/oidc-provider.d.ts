/** The few parts of oidc-provider that tests use. */
declare module 'oidc-provider' {
  import type { RequestListener } from 'node:http';

  interface Client {
    readonly clientId: string;
  }

  interface Context {
    body: Record<string, unknown>;
    readonly headers: Readonly<Record<string, string | string[] | undefined>>;
    readonly oidc: { readonly params?: Record<string, string | undefined>; readonly client?: Client };
  }

  /** Where it keeps what it has issued; `consumed` marks a refresh token that was spent. */
  interface Adapter {
    find(id: string): Promise<Record<string, unknown> | undefined>;
  }

  /** What a token is bound to: the key of DPoP, or a client certificate. */
  interface IssuedToken {
    readonly jkt?: string;
    readonly 'x5t#S256'?: string;
    destroy(): Promise<void>;
  }

  interface TokenOf {
    readonly client: Client;
    readonly accountId: string;
    readonly grantId: string;
    readonly gty: string;
    readonly scope: string;
    readonly jkt?: string;
  }

  export const errors: { readonly InvalidGrant: new (detail: string) => Error };

  export default class Provider {
    constructor(issuer: string, configuration: Record<string, unknown>);
    readonly Client: { find(id: string): Promise<Client | undefined> };
    readonly Grant: new (values: { accountId: string; clientId: string }) => {
      addOIDCScope(scope: string): void;
      save(): Promise<string>;
    };
    readonly RefreshToken: new (values: TokenOf) => { save(): Promise<string> };
    readonly AccessToken: {
      new (values: TokenOf): { save(): Promise<string> };
      find(value: string): Promise<IssuedToken | undefined>;
    };
    readonly ClientCredentials: { find(value: string): Promise<IssuedToken | undefined> };
    registerGrantType(name: string, handler: (context: Context) => Promise<void>, parameters: readonly string[]): void;
    callback(): RequestListener;
    on(event: 'grant.success', listener: (context: Context) => void): this;
    on(
      event: 'grant.error',
      listener: (context: Context, error: { readonly error_detail?: string; readonly error: string }) => void,
    ): this;
    on(event: 'grant.revoked', listener: (context: Context, grantId: string) => void): this;
  }
}

/** Where it keeps things in memory. */
declare module 'oidc-provider/lib/adapters/memory_adapter.js' {
  import type { Adapter } from 'oidc-provider';

  export function createMemoryAdapter(): (model: string) => Adapter;
}
