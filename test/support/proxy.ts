import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startApp, type App } from '../../src/app/app.ts';
import type { Dependencies } from '../../src/app/build.ts';
import { parseConfig } from '../../src/config/load.ts';
import type { Logger, LogFields } from '../../src/log.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';

/** A configuration as a plain object; JSON is YAML, so it goes through the real loader. */
export type ConfigObject = Record<string, unknown>;

export interface ProxyOptions {
  /** Changes the configuration that goes with the sandbox. */
  readonly config?: (base: ConfigObject) => ConfigObject;
  /** Folder of the store; a fresh one, removed at the end, if not given. */
  readonly folder?: string;
  readonly surroundings?: Partial<Dependencies>;
}

/** A tokenward in this process, in front of a sandbox, on free ports. */
export interface RunningProxy {
  readonly app: App;
  readonly url: string;
  readonly operatorUrl: string;
  readonly folder: string;
  /** Every log line, at trace level. */
  readonly lines: readonly string[];
  stop(): Promise<void>;
}

/** The account names and routes of design.md, pointed at the sandbox. */
export function sandboxConfigObject(sandbox: Sandbox, folder: string): ConfigObject {
  const { urls, credentials } = sandbox;
  return {
    listen: { host: '127.0.0.1', port: 0, hosts: ['proxy', 'proxy.example'] },
    operator: { host: '127.0.0.1', port: 0 },
    store: { type: 'embedded', path: folder },
    callers: 'none',
    accounts: {
      softline: { flow: 'softline', baseUrl: urls.softline, credentials: { ...credentials.softline } },
      crm: { flow: 'chatapp', baseUrl: urls.chatapp, credentials: { ...credentials.chatapp } },
      twin: { flow: 'twin', baseUrl: urls.twin.iam, credentials: { ...credentials.twin } },
    },
    routes: [
      { prefix: '/softline', upstream: urls.softline, account: 'softline' },
      { prefix: '/crm', upstream: urls.chatapp, account: 'crm' },
      { prefix: '/twin/iam', upstream: urls.twin.iam, account: 'twin' },
      { prefix: '/twin/cis', upstream: urls.twin.cis, account: 'twin' },
      { prefix: '/twin/notify', upstream: urls.twin.notify, account: 'twin' },
    ],
    shutdown: { drain: '5s' },
  };
}

export async function startProxy(sandbox: Sandbox, options: ProxyOptions = {}): Promise<RunningProxy> {
  const folder = options.folder ?? temporaryFolder();
  const base = sandboxConfigObject(sandbox, folder);
  const config = parseConfig(JSON.stringify(options.config?.(base) ?? base), process.env);
  const lines: string[] = [];
  const app = await startApp(config, {
    log: recorder(lines),
    owner: `test/${Math.random()}`,
    ownerIsGone: () => false,
    ...options.surroundings,
  });
  return {
    app,
    folder,
    lines,
    url: `http://127.0.0.1:${app.proxyAddresses[0]!.port}`,
    operatorUrl: `http://127.0.0.1:${app.operatorAddress.port}`,
    async stop() {
      await app.stop({ idleMs: 0 });
      if (options.folder === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'tokenward-test-'));
}

export function recorder(lines: string[]): Logger {
  const at =
    (level: string) =>
    (message: string, fields?: LogFields): void => {
      lines.push(JSON.stringify({ level, message, ...fields }));
    };
  return { trace: at('trace'), debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
