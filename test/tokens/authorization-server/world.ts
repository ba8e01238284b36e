import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { call, type Answer } from '../../support/call.ts';
import { writeConfig } from '../../support/files.ts';
import { startCustomProxy } from '../../support/custom-proxy.ts';
import { run } from '../../support/process.ts';
import { temporaryFolder, type ConfigObject, type RunningProxy } from '../../support/proxy.ts';
import { requireBuild } from '../../support/tools.ts';
import { AuthorizationServer } from './authorization-server.ts';

/** A real authorization server with its API, and a tokenward whose account `api` has a refresh token and no login. */
export interface OauthWorld {
  readonly server: AuthorizationServer;
  readonly proxy: RunningProxy;
  /** `tokenward import api` with this refresh token on standard input; what it says. */
  bring(refreshToken: string): Promise<string>;
  /** One call of the API through the proxy. */
  call(): Promise<Answer>;
}

/**
 * A fresh world for every test of the surrounding describe, with an imported first refresh token if wanted; read it
 * through the function this gives back.
 */
export function freshOauthWorld({ imported = true } = {}): () => OauthWorld {
  let world: OauthWorld | undefined;
  let folder = '';
  beforeEach(async function () {
    requireBuild(this);
    folder = temporaryFolder();
    const server = await AuthorizationServer.start();
    const config = configOf(server, folder);
    const file = writeConfig(folder, config);
    // In a process of its own, as an operator runs it: the store is that of a running tokenward.
    const bring = async (refreshToken: string): Promise<string> => {
      const { code, stdout, stderr } = await run(['import', 'api', '-c', file], { input: `${refreshToken}\n` });
      if (code !== 0) throw new Error(stderr);
      return stdout.trimEnd();
    };
    if (imported) await bring(await server.consent());
    const proxy = await startCustomProxy(config);
    world = { server, proxy, bring, call: () => call(proxy.url, '/v/api') };
  });
  afterEach(async () => {
    await world?.proxy.stop();
    await world?.server.close();
    world = undefined;
    rmSync(folder, { recursive: true, force: true });
  });
  return () => world!;
}

function configOf({ url, clientId, clientSecret }: AuthorizationServer, folder: string): ConfigObject {
  return {
    store: { type: 'embedded', path: join(folder, 'data') },
    flows: {
      vendor: {
        credentials: { tokenUrl: 'required', clientId: 'required', clientSecret: 'required' },
        refresh: {
          url: '{tokenUrl}',
          form: {
            grant_type: 'refresh_token',
            refresh_token: '{refreshToken}',
            client_id: '{clientId}',
            client_secret: '{clientSecret}',
          },
          answer: { token: '/access_token', refreshToken: '/refresh_token', expiresIn: '/expires_in' },
        },
        attach: { header: 'Authorization' },
        invalid: [{ status: 401 }],
      },
    },
    accounts: { api: { flow: 'vendor', credentials: { tokenUrl: `${url}/token`, clientId, clientSecret } } },
    routes: [{ prefix: '/v', upstream: url, account: 'api' }],
  };
}
