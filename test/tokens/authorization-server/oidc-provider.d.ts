/** The few parts of oidc-provider that tests use. */
declare module 'oidc-provider' {
  import type { RequestListener } from 'node:http';

  interface Client {
    readonly clientId: string;
  }

  interface Context {
    readonly body: Record<string, unknown>;
    readonly headers: Readonly<Record<string, string | string[] | undefined>>;
    readonly oidc: { readonly params?: Record<string, string | undefined> };
  }

  export default class Provider {
    constructor(issuer: string, configuration: Record<string, unknown>);
    readonly Client: { find(id: string): Promise<Client | undefined> };
    readonly Grant: new (values: { accountId: string; clientId: string }) => {
      addOIDCScope(scope: string): void;
      save(): Promise<string>;
    };
    readonly RefreshToken: new (values: {
      client: Client;
      accountId: string;
      grantId: string;
      gty: string;
      scope: string;
      jkt?: string;
    }) => { save(): Promise<string> };
    readonly AccessToken: { find(value: string): Promise<{ destroy(): Promise<void> } | undefined> };
    callback(): RequestListener;
    on(event: 'grant.success', listener: (context: Context) => void): this;
    on(
      event: 'grant.error',
      listener: (context: Context, error: { readonly error_detail?: string; readonly error: string }) => void,
    ): this;
    on(event: 'grant.revoked', listener: (context: Context, grantId: string) => void): this;
  }
}
