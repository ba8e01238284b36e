import { rmSync } from 'node:fs';
import { importTarget, storeGrant } from '../../src/cli/import-account.ts';
import { parseConfig } from '../../src/config/load.ts';
import { call, type Answer } from '../support/call.ts';
import { startCustomProxy } from '../support/custom-proxy.ts';
import { statusOf } from '../support/operator.ts';
import { recorder, temporaryFolder, type ConfigObject, type RunningProxy } from '../support/proxy.ts';
import type { Consent, OauthAccount } from './account.ts';
import { Api } from './api.ts';
import type { AuthorizationServer, Certificates, Count } from './authorization-server.ts';

/** One account in a tokenward of this process, between its API and its authorization server. */
export class Stage {
  readonly account: OauthAccount;
  readonly server: AuthorizationServer;
  readonly api: Api;
  readonly #proxy: RunningProxy;
  readonly #config: ConfigObject;
  #before: Count;

  private constructor(
    parts: Pick<Stage, 'account' | 'server' | 'api'>,
    proxy: RunningProxy,
    config: ConfigObject,
    before: Count,
  ) {
    ({ account: this.account, server: this.server, api: this.api } = parts);
    this.#proxy = proxy;
    this.#config = config;
    this.#before = before;
  }

  /** Starts everything, acts, and ends everything whatever came of it. */
  static async with<T>(
    server: AuthorizationServer,
    account: OauthAccount,
    certificates: Certificates,
    act: (stage: Stage) => Promise<T>,
  ): Promise<T> {
    const folder = temporaryFolder();
    const api = await Api.start(server, certificates, account.proof);
    let proxy: RunningProxy | undefined;
    try {
      const config = configOf(server, account, certificates, api, folder);
      if (account.consent !== undefined) await bring(config, await account.consent());
      proxy = await startCustomProxy(config);
      const before = await server.count(account.clientId);
      return await act(new Stage({ account, server, api }, proxy, config, before));
    } finally {
      server.cutNext = undefined;
      await proxy?.stop();
      await api.close();
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** So many requests at once. */
  ask(requests: number): Promise<Answer[]> {
    return Promise.all(Array.from({ length: requests }, () => call(this.#proxy.url, '/api/things/7')));
  }

  /** The access token that tokenward uses ends; its refresh token does not. */
  async kill(): Promise<void> {
    await this.server.end(this.api.accepted);
  }

  /** What the authorization server has done since it was last asked. */
  async counted(): Promise<Count> {
    const { granted, refused, revoked } = await this.server.count(this.account.clientId);
    const before = this.#before;
    this.#before = { granted, refused, revoked };
    return {
      granted: granted - before.granted,
      refused: refused.slice(before.refused.length),
      revoked: revoked - before.revoked,
    };
  }

  /** A person consents again, beside the running process. */
  async consentAgain(): Promise<void> {
    await bring(this.#config, await this.account.consent!());
  }

  /** The errors in tokenward's log. */
  get errors(): string[] {
    return this.#proxy.lines.filter((line) => line.startsWith('{"level":"error"'));
  }

  async isDead(): Promise<boolean> {
    const { accounts } = await statusOf(this.#proxy);
    return accounts.some(({ account, dead }) => account === 'one' && dead);
  }
}

function configOf(
  server: AuthorizationServer,
  { issuer = server.issuer, oauth, credentials, recovery }: OauthAccount,
  { caFile, client }: Certificates,
  api: Api,
  folder: string,
): ConfigObject {
  const tls = { caFile, certFile: client.certFile, keyFile: client.keyFile };
  const required = Object.keys(credentials).map((name) => [name, 'required'] as const);
  return {
    store: { type: 'embedded', path: folder },
    flows: { own: { credentials: Object.fromEntries(required), oauth: { issuer, ...oauth } } },
    accounts: {
      one: { flow: 'own', credentials, tls, ...(recovery === 'grace' && { rotationGrace: '20s' }) },
    },
    routes: [{ prefix: '/api', upstream: api.url, account: 'one', tls }],
  };
}

/** As `tokenward connect` stores a consent. Its access token is none: the first request meets a dead one. */
async function bring(config: ConfigObject, { refreshToken, dpopKey }: Consent): Promise<void> {
  const loaded = parseConfig(JSON.stringify(config), {});
  const dependencies = { log: recorder([]), owner: 'person', ownerIsGone: () => false };
  const grant = {
    secret: 'ended-already',
    refreshSecret: refreshToken,
    lifetime: undefined,
    refreshLifetime: undefined,
    values: dpopKey === undefined ? {} : { dpopKey },
  };
  await storeGrant(loaded, importTarget(loaded, 'one'), grant, dependencies);
}
