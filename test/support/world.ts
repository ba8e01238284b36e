import { startSandbox, type Sandbox, type SandboxOptions } from '../../src/sandbox/sandbox.ts';
import { call, type Answer, type CallOptions } from './call.ts';
import { startProxy, type ConfigObject, type ProxyOptions, type RunningProxy } from './proxy.ts';

/** A sandbox with a tokenward in front of it. */
export interface World {
  readonly sandbox: Sandbox;
  readonly proxy: RunningProxy;
  /** One call through the proxy. */
  call(target: string, options?: CallOptions): Promise<Answer>;
}

/** A fresh world for every test of the surrounding describe; read it through the function this gives back. */
export function freshWorld(options: ProxyOptions & { sandbox?: SandboxOptions } = {}): () => World {
  let sandbox: Sandbox | undefined;
  let world: World | undefined;
  beforeEach(async () => {
    sandbox = await startSandbox(options.sandbox);
    const proxy = await startProxy(sandbox, options);
    world = { sandbox, proxy, call: (target, callOptions) => call(proxy.url, target, callOptions) };
  });
  afterEach(async () => {
    await world?.proxy.stop();
    await sandbox?.close();
    world = undefined;
  });
  return () => {
    if (world === undefined) throw new Error('only inside a test');
    return world;
  };
}

/** The configuration with one route changed. */
export function withRoute(
  prefix: string,
  change: Readonly<Record<string, unknown>>,
): (base: ConfigObject) => ConfigObject {
  return (base) => ({
    ...base,
    routes: (base['routes'] as { prefix: string }[]).map((route) =>
      route.prefix === prefix ? { ...route, ...change } : route,
    ),
  });
}

/** The configuration with one account changed. */
export function withAccount(
  name: string,
  change: Readonly<Record<string, unknown>>,
): (base: ConfigObject) => ConfigObject {
  return (base) => {
    const accounts = base['accounts'] as Record<string, Record<string, unknown>>;
    return { ...base, accounts: { ...accounts, [name]: { ...accounts[name], ...change } } };
  };
}

/** Two changes, one after the other. */
export function both(...changes: ((base: ConfigObject) => ConfigObject)[]): (base: ConfigObject) => ConfigObject {
  return (base) => changes.reduce((config, change) => change(config), base);
}

/** One read, one write and the helper paths of each vendor, as seen through the proxy of the tests. */
export const VENDORS = [
  {
    vendor: 'softline',
    account: 'softline',
    read: '/softline/v1/order/77',
    write: '/softline/v1/payment',
    helpers: '/softline/v1/sandbox',
    path: '/v1/sandbox',
    renewal: 'login',
  },
  {
    vendor: 'chatapp',
    account: 'crm',
    read: '/crm/v1/licenses',
    write: '/crm/v1/licenses/5120/messengers/grWhatsApp/chats/79001234567@c.us/messages/text',
    helpers: '/crm/v1/sandbox',
    path: '/v1/sandbox',
    renewal: 'refresh',
  },
  {
    vendor: 'twin',
    account: 'twin',
    read: '/twin/iam/api/v1/users/me',
    write: '/twin/notify/api/v1/messages',
    helpers: '/twin/notify/api/v1/sandbox',
    path: '/api/v1/sandbox',
    renewal: 'refresh',
  },
] as const;

/** Calls to a vendor's token endpoint so far. */
export function tokenCalls(sandbox: Sandbox, vendor: 'softline' | 'chatapp' | 'twin'): number {
  return sandbox.ledger.count({ vendor, where: (entry) => entry.kind !== 'api' });
}

/** The values of one header as the upstream got it, in order. */
export function headerValues(rawHeaders: readonly string[], name: string): string[] {
  const values: string[] = [];
  for (let i = 0; i < rawHeaders.length; i += 2)
    if (rawHeaders[i]!.toLowerCase() === name.toLowerCase()) values.push(rawHeaders[i + 1]!);
  return values;
}

/** The error code of one of our own answers, from both places that must agree. */
export function ownCode(answer: Answer): string {
  const code = answer.headers['x-tokenward-error'];
  const document = answer.json() as { code: string; status: number };
  if (typeof code !== 'string' || document.code !== code || document.status !== answer.status)
    throw new Error(`not an answer of our own: ${answer.status} ${answer.text}`);
  return code;
}
