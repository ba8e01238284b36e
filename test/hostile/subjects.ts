import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withAuthorities } from '../../src/app/open-authorities.ts';
import { authorityHosts } from '../../src/config/authority-hosts.ts';
import { parseConfig } from '../../src/config/load.ts';
import { CannotRun } from '../harness/options.ts';
import { Authority } from '../support/certificates.ts';
import { recorder } from '../support/proxy.ts';
import { freePort } from '../support/wire.ts';

/** A proxy under test, in a process of its own. */
export interface Subject {
  readonly name: 'tokenward' | 'http-proxy';
  readonly port: number;
  /** Its listener speaks TLS. */
  readonly tls: boolean;
  readonly pid: number;
  /** Times it ended by itself. */
  readonly deaths: number;
  /** Faults it reported itself, beyond ending. */
  faults(): string[];
  /** Starts it again if it has ended. */
  revive(): Promise<void>;
  /** True if it ends within so many ms: a dying process refuses connections a while before it is gone. */
  endsWithin(most: number): Promise<boolean>;
  stop(): Promise<void>;
}

const START_MOST = 15_000;
const STDERR_MOST = 1024 * 1024;

/** One program, started again whenever it has ended and is needed. */
class Program implements Subject {
  readonly name: Subject['name'];
  readonly #args: readonly string[];
  readonly #env: Readonly<Record<string, string>>;
  readonly #ready: RegExp;
  #child: ChildProcess | undefined;
  #output = '';
  #found: string[] = [];
  port = 0;
  readonly tls: boolean;
  deaths = 0;

  constructor(name: Subject['name'], args: readonly string[], env: Readonly<Record<string, string>>, ready: RegExp) {
    this.name = name;
    this.#args = args;
    this.#env = env;
    this.#ready = ready;
    this.tls = ready.source.includes('https');
    // However this run ends, what it started ends with it.
    process.once('exit', () => this.#child?.kill('SIGKILL'));
  }

  get pid(): number {
    return this.#child?.pid ?? -1;
  }

  faults(): string[] {
    return this.#found;
  }

  async revive(): Promise<void> {
    if (this.#child !== undefined) return;
    const child = spawn(process.execPath, [...this.#args], {
      env: { PATH: process.env['PATH'] ?? '', NODE_ENV: 'production', ...this.#env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    this.#output = '';
    const ended = once(child, 'exit');
    void ended.then(() => {
      if (this.#child !== child) return;
      this.#child = undefined;
      this.deaths += 1;
    });
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => this.#listen(text));
    const deadline = Date.now() + START_MOST;
    for (;;) {
      const match = this.#ready.exec(this.#output);
      if (match !== null) {
        this.port = Number(match[1]);
        return;
      }
      if (this.#child !== child || Date.now() > deadline)
        throw new CannotRun(`${this.name} did not start: ${this.#output.slice(-2_000)}`);
      await new Promise((done) => setTimeout(done, 20));
    }
  }

  async endsWithin(most: number): Promise<boolean> {
    for (
      const deadline = Date.now() + most;
      this.#child !== undefined;
      await new Promise((done) => setTimeout(done, 20))
    )
      if (Date.now() > deadline) return false;
    return true;
  }

  #listen(text: string): void {
    this.#output = (this.#output + text).slice(-STDERR_MOST);
    for (const line of text.split('\n'))
      if (/uncaught|unexpected fault|unhandled|MaxListenersExceeded|memory leak/i.test(line))
        this.#found.push(line.slice(0, 300));
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), 8_000);
    await ended;
    clearTimeout(timer);
  }
}

export interface SubjectSetup {
  /** The upstreams, by route: `/api` leads to `/base` of the first, and so on. */
  readonly upstreams: Readonly<Record<'api' | 'tokens' | 'idle' | 'volume', number>>;
  readonly tokenEndpoint: number;
  /** What reads requests in tokenward. */
  readonly engine: 'fast' | 'express';
  /** Callers of tokenward speak TLS. */
  readonly tls: boolean;
  /** Accounts of their own for the items of class F. */
  readonly tokenItems: readonly string[];
}

/** How long an upstream may keep silent in these runs. */
export const PATIENCE = 1_500;

/** The built program, as anybody would start it. */
export async function startTokenward(setup: SubjectSetup): Promise<Subject> {
  const main = resolve('dist/main.js');
  if (!existsSync(main)) throw new CannotRun('dist/main.js is not there; run: npm run build');
  const folder = mkdtempSync(join(tmpdir(), 'tokenward-hostile-'));
  const file = join(folder, 'proxy.config.json');
  writeFileSync(file, JSON.stringify(configuration(setup, folder)), { mode: 0o600 });
  const ready = setup.tls ? /"address":"https:\/\/127\.0\.0\.1:(\d+)"/ : /"address":"http:\/\/127\.0\.0\.1:(\d+)"/;
  const program = new Program('tokenward', [main, 'serve', '-c', file], {}, ready);
  await program.revive();
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return program;
}

export interface ForwardSetup {
  readonly engine: 'fast' | 'express';
  readonly ports: { readonly proxy: number; readonly operator: number };
  /** The upstreams of the routes, by host. */
  readonly upstreams: Readonly<Record<string, string>>;
  /** Digests of the callers' keys; undefined: nobody is asked for one. */
  readonly keys: readonly string[] | undefined;
  readonly egressProxy: string;
}

/** The built program as a forward proxy, and the certificate of its authority. */
export async function startForwardProxy(setup: ForwardSetup): Promise<{ subject: Subject; authority: string }> {
  const main = resolve('dist/main.js');
  const folder = mkdtempSync(join(tmpdir(), 'tokenward-hostile-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'proxy.config.json');
  const text = JSON.stringify(forwardConfiguration(setup, folder));
  writeFileSync(file, text, { mode: 0o600 });
  const config = parseConfig(text, {});
  const dependencies = { log: recorder([]), owner: 'hostile/authority', ownerIsGone: () => false };
  const authority = await withAuthorities(config, dependencies, { onlyRead: false }, async (authorities) => {
    return (await authorities.make({ hosts: authorityHosts(config) })).authority.certificate;
  });
  const ready = /"address":"http:\/\/127\.0\.0\.1:(\d+)"/;
  const program = new Program('tokenward', [main, 'serve', '-c', file], {}, ready);
  await program.revive();
  return { subject: program, authority: authority! };
}

function forwardConfiguration(setup: ForwardSetup, folder: string): unknown {
  const { engine, ports, upstreams, keys, egressProxy } = setup;
  const timeouts = { connect: '1s', firstByte: `${PATIENCE}ms`, idle: `${PATIENCE}ms` };
  // The allow-list is as wide as can be, so that it protects nothing.
  const tunnel = ['*', ...[1, 22, 80, 6379, 8443, ports.proxy, ports.operator].map((port) => `*:${port}`)];
  return {
    listen: { host: '127.0.0.1', port: ports.proxy, engine, hosts: ['listener'], forward: { tunnel } },
    operator: { host: '127.0.0.1', port: ports.operator },
    store: { type: 'embedded', path: join(folder, 'data') },
    accounts: { main: { flow: 'static', credentials: { token: FORWARD_TOKEN } } },
    routes: Object.entries(upstreams).map(([place, upstream]) => ({
      ...(place.startsWith('/') ? { prefix: place } : { host: place }),
      upstream,
      account: 'main',
      timeouts,
    })),
    ...(keys && { callers: keys.map((key, i) => ({ name: `caller-${i}`, key })) }),
    egressProxy,
    shutdown: { drain: '1s' },
    log: { level: 'info' },
  };
}

function certificate(folder: string): { certFile: string; keyFile: string } {
  const { certFile, keyFile } = new Authority('openssl', folder).issue({ cn: 'proxy', names: [['DNS', 'proxy']] });
  return { certFile, keyFile };
}

/** The token of the routes behind the forward proxy. */
export const FORWARD_TOKEN = 'forward-token';

function configuration({ engine, tls, upstreams, tokenEndpoint, tokenItems }: SubjectSetup, folder: string): unknown {
  const url = (port: number, path: string): string => `http://127.0.0.1:${port}${path}`;
  const timeouts = { connect: '1s', firstByte: `${PATIENCE}ms`, idle: `${PATIENCE}ms` };
  const oauth2 = (path: string): unknown => ({
    flow: 'oauth2',
    credentials: {
      tokenUrl: url(tokenEndpoint, path),
      clientId: 'hostile',
      clientSecret: 'hostile-secret',
      clientAuth: 'post',
    },
  });
  const patient = { connect: '3s', firstByte: '60s', idle: '60s' };
  return {
    listen: {
      host: '127.0.0.1',
      port: 0,
      engine,
      hosts: ['proxy', 'proxy.example', 'legacy_app', 'a.example'],
      ...(tls && { tls: certificate(folder) }),
    },
    operator: { host: '127.0.0.1', port: 0 },
    store: { type: 'embedded', path: join(folder, 'data') },
    accounts: {
      main: oauth2('/token/main'),
      chatapp: {
        flow: 'chatapp',
        baseUrl: url(tokenEndpoint, '/chatapp'),
        credentials: { email: 'a@example.com', password: 'p', appId: 'x' },
      },
      softline: {
        flow: 'softline',
        baseUrl: url(tokenEndpoint, '/softline'),
        credentials: { username: 'u', password: 'p' },
      },
      ...Object.fromEntries(tokenItems.map((id) => [id, oauth2(`/token/${id}`)])),
    },
    routes: [
      { prefix: '/api', upstream: url(upstreams.api, '/base'), account: 'main', timeouts },
      {
        prefix: '/api/ruled',
        upstream: url(upstreams.api, '/base/ruled'),
        account: 'main',
        timeouts,
        policy: {
          allow: [
            { methods: ['GET'], path: '/**' },
            { methods: ['POST'], path: '/order/*' },
          ],
          deny: [{ path: '/admin' }, { path: '/admin/**' }],
        },
      },
      // Its upstream's URL has no path: what begins with two slashes behind the prefix would leave so.
      { prefix: '/bare', upstream: url(upstreams.api, ''), account: 'main', timeouts },
      { prefix: '/chatapp', upstream: url(upstreams.api, '/base'), account: 'chatapp', timeouts },
      { prefix: '/chatapp-as-is', upstream: url(upstreams.api, '/base'), account: 'chatapp', replay: false, timeouts },
      { prefix: '/softline', upstream: url(upstreams.api, '/base'), account: 'softline', timeouts },
      {
        prefix: '/softline-as-is',
        upstream: url(upstreams.api, '/base'),
        account: 'softline',
        replay: false,
        timeouts,
      },
      {
        prefix: '/idle',
        upstream: url(upstreams.idle, '/base'),
        account: 'main',
        maxConnections: 400,
        timeouts: patient,
      },
      { prefix: '/volume', upstream: url(upstreams.volume, '/base'), account: 'main', timeouts: patient },
      ...tokenItems.map((id) => ({
        prefix: `/f/${id}`,
        upstream: url(upstreams.tokens, `/base/${id}`),
        account: id,
        timeouts,
      })),
    ],
    shutdown: { drain: '1s' },
    log: { level: 'info' },
  };
}

/** Express and http-proxy, as people write it. */
export async function startBaseline({ upstreams }: SubjectSetup): Promise<Subject> {
  const file = fileURLToPath(new URL('baseline.ts', import.meta.url));
  // Always the same port, so that a restart changes nothing for whoever is about to connect.
  const port = await freePort();
  const program = new Program(
    'http-proxy',
    ['--import', 'tsx', file],
    {
      PORT: String(port),
      TOKEN: BASELINE_TOKEN,
      API: String(upstreams.api),
      IDLE: String(upstreams.idle),
      VOLUME: String(upstreams.volume),
    },
    /listening on (\d+)/,
  );
  await program.revive();
  return program;
}

export const BASELINE_TOKEN = 'baseline-token';
