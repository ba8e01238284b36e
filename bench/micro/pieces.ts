import { randomBytes } from 'node:crypto';
import type { Route } from '../../src/proxy/route.ts';
import type { TokenManager } from '../../src/tokens/manager.ts';
import { MemoryStore } from '../../test/support/memory-store.ts';

/** The built program, not the sources: what runs the sources here adds calls of its own to them. */
const built = async (path: string): Promise<unknown> => import(new URL(`../../dist/${path}.js`, import.meta.url).href);

export const { byLongestPrefix, matchRoute } = (await built(
  'proxy/route',
)) as typeof import('../../src/proxy/route.ts');
export const { requestFieldFilter, requestHeaders, responseHeaders } = (await built(
  'proxy/headers',
)) as typeof import('../../src/proxy/headers.ts');
export const { rejectedTokenRule, rejectsToken } = (await built(
  'proxy/inspect',
)) as typeof import('../../src/proxy/inspect.ts');
export const { UpstreamResponse } = (await built(
  'http/client/response',
)) as typeof import('../../src/http/client/response.ts');
export const { ResponseParser } = (await built(
  'http/client/response-parser',
)) as typeof import('../../src/http/client/response-parser.ts');
const { PRESETS } = (await built('flows/presets')) as typeof import('../../src/flows/presets.ts');
const tokens = (await built('tokens/manager')) as typeof import('../../src/tokens/manager.ts');
const { Records } = (await built('tokens/records')) as typeof import('../../src/tokens/records.ts');
const { Seal, sealingKey } = (await built('tokens/seal')) as typeof import('../../src/tokens/seal.ts');
const { systemClock } = (await built('tokens/clock')) as typeof import('../../src/tokens/clock.ts');

export const SECRET = 'a-live-token-of-forty-eight-letters-or-so-0123456';

/** ChatApp's rule: a look into every JSON reply. */
export const RULE = rejectedTokenRule(PRESETS['chatapp']!.invalid)!;

/** As much of a route as the pieces read. */
export function route(prefix: string): Route {
  return {
    prefix,
    name: prefix,
    basePath: prefix,
    origin: 'http://api.example',
    host: 'api.example',
    flow: PRESETS['chatapp'],
    config: { prefix, forwarded: 'drop', setCookie: 'drop' },
    rejectedToken: RULE,
    dropsField: requestFieldFilter({ forwarding: false, overrides: false, extra: [] }),
  } as unknown as Route;
}

/** What an HTTP library of a legacy app sends, with its key. */
export const REQUEST = [
  'Host',
  '127.0.0.1:8080',
  'User-Agent',
  'legacy-app/3.1',
  'Accept',
  'application/json',
  'Accept-Encoding',
  'gzip, deflate',
  'Content-Type',
  'application/json',
  'Content-Length',
  '1024',
  'Connection',
  'keep-alive',
  'X-Tokenward-Key',
  randomBytes(32).toString('base64url'),
  'X-Request-Id',
  '0d8a4f5e-7e2a-4a35-b1c4-2f5f0a2c9a11',
];
export const REPLY = [
  'Server',
  'nginx',
  'Date',
  'Sun, 22 Nov 2026 06:00:00 GMT',
  'Content-Type',
  'application/json; charset=utf-8',
  'Content-Length',
  '200',
  'Connection',
  'keep-alive',
  'Vary',
  'Accept-Encoding',
  'X-Request-Id',
  '0d8a4f5e-7e2a-4a35-b1c4-2f5f0a2c9a11',
  'Strict-Transport-Security',
  'max-age=31536000',
];

/** A JSON document of about so many bytes that says nothing of tokens. */
export function json(bytes: number): Buffer {
  const one = {
    id: 42,
    name: 'Ada Lovelace',
    phone: '+44 20 7946 0958',
    tags: ['customer', 'vip'],
    unread: 3,
    closed: false,
  };
  const count = Math.max(1, Math.floor(bytes / (JSON.stringify(one).length + 1)));
  return Buffer.from(
    JSON.stringify({ success: true, data: Array.from({ length: count }, () => one) })
      .padEnd(bytes)
      .slice(0, Math.max(bytes, 0)),
  );
}

/** A manager whose accounts all have a living token. */
export async function managerOf(accounts: number): Promise<TokenManager> {
  const store = new MemoryStore();
  const outcome = {
    kind: 'granted',
    grant: { secret: SECRET, refreshSecret: 'refresh', lifetime: 86_400, refreshLifetime: undefined },
  } as const;
  const credentials = Array.from({ length: accounts }, (_, number) => ({
    account: `account-${number}`,
    flow: 'chatapp',
    identity: `who-${number}`,
    credentialsFingerprint: 'which',
    staticToken: undefined,
    renew: 'on-demand' as const,
    canLogin: true,
    canRefresh: true,
    budget: undefined,
    rotationGrace: 0,
    login: async () => outcome,
    refresh: async () => outcome,
  }));
  const observer = {
    renewed: () => undefined,
    suppressed: () => undefined,
    changed: () => undefined,
    storeFailed: () => undefined,
  };
  const manager = new tokens.TokenManager(credentials, {
    store,
    records: new Records(store, new Seal(sealingKey(randomBytes(32).toString('base64'))), systemClock),
    clock: systemClock,
    observer,
  });
  for (let from = 0; from < accounts; from += 500)
    await Promise.all(credentials.slice(from, from + 500).map(async ({ account }) => manager.get(account)));
  return manager;
}
