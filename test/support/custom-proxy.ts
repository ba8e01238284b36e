import { rmSync } from 'node:fs';
import { startApp, type App } from '../../src/app/app.ts';
import type { Dependencies } from '../../src/app/build.ts';
import { parseConfig } from '../../src/config/load.ts';
import { recorder, temporaryFolder, type ConfigObject, type RunningProxy } from './proxy.ts';

/** The token of the account `fixed`, which every configuration here has. */
export const FIXED_TOKEN = 'fixed-tOkEn-5c1e8a90f3';

/**
 * A tokenward in this process with a configuration of the test's own. Not said there: free ports on loopback, a store
 * of its own, no callers' keys, and an account `fixed` with a token that never changes. With a `listen.socket` and no
 * port of the test's own, only that. `listen` may be a list.
 */
export async function startCustomProxy(
  config: ConfigObject,
  surroundings: Partial<Dependencies> = {},
): Promise<RunningProxy> {
  const folder = temporaryFolder();
  const listen = (config['listen'] ?? {}) as object | readonly object[];
  const listener = (one: object): object => ({
    ...('socket' in one ? {} : { host: '127.0.0.1', port: 0 }),
    hosts: ['proxy', 'proxy.example', 'shop.internal'],
    ...one,
  });
  const whole = {
    operator: { host: '127.0.0.1', port: 0 },
    store: { type: 'embedded', path: folder },
    shutdown: { drain: '1s' },
    ...config,
    listen: Array.isArray(listen) ? listen.map(listener) : listener(listen),
    accounts: {
      fixed: { flow: 'static', credentials: { token: FIXED_TOKEN } },
      ...(config['accounts'] as object | undefined),
    },
  };
  const lines: string[] = [];
  const app = await startApp(parseConfig(JSON.stringify(whole), process.env), {
    log: recorder(lines),
    owner: `test/${Math.random()}`,
    ownerIsGone: () => false,
    ...surroundings,
  });
  return {
    app,
    folder,
    lines,
    url: urlsOf(app)[0]!,
    operatorUrl: `http://127.0.0.1:${app.operatorAddress.port}`,
    async stop() {
      await app.stop({ idleMs: 0 });
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Where clients reach each listener; of a port and a socket, the port. */
export function urlsOf({ proxyAddresses }: Pick<App, 'proxyAddresses'>): string[] {
  return proxyAddresses.map(({ port, tls, socket }) =>
    port === undefined ? `unix:${socket!}` : `${tls === true ? 'https' : 'http'}://127.0.0.1:${port}`,
  );
}

/** Things to close at the end of each test, last first. */
export function closing(): <T extends { close(): Promise<void> } | { stop(): Promise<void> }>(
  thing: T | Promise<T>,
) => Promise<T> {
  const open: ({ close(): Promise<void> } | { stop(): Promise<void> })[] = [];
  afterEach(async () => {
    for (let thing = open.pop(); thing !== undefined; thing = open.pop())
      await ('stop' in thing ? thing.stop() : thing.close());
  });
  return async (thing) => {
    const made = await thing;
    open.push(made);
    return made;
  };
}
