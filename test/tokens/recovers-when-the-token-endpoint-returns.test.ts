import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Authority } from '../support/certificates.ts';
import { statusOf } from '../support/operator.ts';
import { refusedWay, tlsWay, unknownNameWay, type Way } from '../support/outage.ts';
import { startCustomProxy } from '../support/custom-proxy.ts';
import { clientCredentials, crmAccount, CRM_FLOW, FakeTokenServer } from '../support/fake-token-server.ts';
import { temporaryFolder } from '../support/proxy.ts';
import { callSteadily, tally, type CallerSaw } from '../support/steady-callers.ts';

/** Seconds. */
const LIFE = 1;
/** How long the token endpoint is away after the token has ended, ms. */
const AWAY = 8_000;
/** After its return the callers go on for so long, ms. */
const AFTER = 3_500;

/** Between two callers, ms. */
const INTERVAL = 100;

const { refresh: _refresh, ...loginsOnly } = CRM_FLOW.crm;
const FLOWS = { ...CRM_FLOW, crmLogins: loginsOnly };

const ACCOUNTS = [
  { name: 'client credentials', rotating: false, account: clientCredentials, logins: undefined },
  { name: 'a rotating refresh token', rotating: true, account: crmAccount, logins: 1 },
  {
    name: 'a login budget and no refresh token',
    rotating: false,
    account: (url: string) => ({ ...crmAccount(url), flow: 'crmLogins' }),
    logins: 'as many as were granted',
  },
] as const;

const OUTAGES = [
  'the connection is refused',
  'the name is not known',
  'the TLS handshake is cut',
  'the certificate is not to be trusted',
] as const;

/**
 * How much later than planned this process itself did its work in the two seconds after the return, at worst: a busy
 * machine is not the proxy's delay. ms.
 */
function stall(saw: readonly CallerSaw[], returnedAt: number): number {
  const starts = saw
    .map(({ startedAt }) => startedAt)
    .filter((at) => at > returnedAt - INTERVAL && at < returnedAt + 2_000);
  return Math.max(0, ...starts.slice(1).map((at, index) => at - starts[index]! - INTERVAL));
}

interface Watched {
  readonly saw: readonly CallerSaw[];
  readonly returnedAt: number;
  readonly attempts: readonly number[];
  readonly server: FakeTokenServer;
  /** Logins left by what tokenward says at the end. */
  readonly remaining: number | undefined;
}

describe('a token endpoint that cannot be reached, so that nothing was sent', () => {
  const runs = new Map<string, Promise<Watched>>();
  let folder = '';
  after(() => rmSync(folder, { recursive: true, force: true }));
  before(function () {
    // All at once: each of them waits for the same time.
    folder = temporaryFolder();
    const authority = new Authority(this, folder);
    const stranger = new Authority(this, folder, 'Another authority').forLoopback();
    for (const outage of OUTAGES)
      for (const kind of ACCOUNTS) runs.set(`${outage}, ${kind.name}`, watch(outage, kind, authority, stranger));
    for (const run of runs.values()) run.catch(() => undefined);
  });

  for (const outage of OUTAGES) {
    for (const { name, logins } of ACCOUNTS) {
      describe(`${outage}: an account with ${name}`, () => {
        const run = (): Promise<Watched> => runs.get(`${outage}, ${name}`)!;

        it('is served again within 1.5 s of its return', async () => {
          const { saw, returnedAt } = await run();
          assert.ok(
            saw.filter(({ endedAt }) => endedAt < returnedAt).some(({ status }) => status === 503),
            `it was never away: ${JSON.stringify(tally(saw))}`,
          );
          const first = saw.find(({ status, endedAt }) => status === 200 && endedAt > returnedAt);
          assert.ok(
            first !== undefined && first.endedAt - returnedAt <= 1_500 + stall(saw, returnedAt),
            `${first === undefined ? 'never' : `after ${Math.round(first.endedAt - returnedAt)} ms`}: ${JSON.stringify(tally(saw))}`,
          );
        });

        it('gives its callers one status and one code, from the first that fails to the last', async () => {
          assert.deepEqual(Object.keys(tally((await run()).saw)).sort(), ['200', '503 token_unavailable']);
        });

        it('tells them a Retry-After that is true: who waits for so long from its return on is served', async () => {
          const { saw, returnedAt } = await run();
          const failed = saw.filter(({ status }) => status !== 200);
          for (const { endedAt, retryAfter } of failed) {
            assert.ok(retryAfter !== undefined && retryAfter >= 1 && retryAfter <= 3, `Retry-After: ${retryAfter}`);
            const again = Math.max(endedAt, returnedAt) + retryAfter * 1_000;
            const late = failed.filter(({ startedAt }) => startedAt >= again);
            assert.equal(
              late.length,
              0,
              `told ${retryAfter} s, ${Math.round(endedAt - returnedAt)} ms after the return; ${late.length} of those who waited failed`,
            );
          }
        });

        it('is probed at most once a second, however many wait', async () => {
          const { attempts } = await run();
          const gaps = attempts.slice(1).map((at, index) => Math.round(at - attempts[index]!));
          // The quick second try of a renewal that has just failed: once early in the life, once at its end.
          assert.ok(gaps.filter((gap) => gap < 950).length <= 2, gaps.join(' '));
          assert.ok(
            attempts.length >= AWAY / 2_500 && attempts.length <= AWAY / 1_000 + 4,
            `${attempts.length} attempts`,
          );
        });

        if (logins !== undefined) {
          it('has lost no login of its budget to the probes', async () => {
            const { remaining, server } = await run();
            const granted = server.count('login', 'granted');
            if (logins === 1) assert.equal(granted, 1);
            assert.equal(server.count('login'), granted);
            assert.equal(remaining, 80 - granted);
          });
        }
      });
    }
  }

  async function watch(
    outage: (typeof OUTAGES)[number],
    { rotating, account }: (typeof ACCOUNTS)[number],
    authority: Authority,
    stranger: { cert: string; key: string },
  ): Promise<Watched> {
    const overTls = outage.includes('TLS') || outage.includes('certificate');
    const server = await FakeTokenServer.start({
      life: LIFE,
      rotating,
      ...(overTls && { tls: authority.forLoopback() }),
    });
    const other = outage.includes('certificate') ? await FakeTokenServer.start({ tls: stranger }) : undefined;
    const way: Way = overTls
      ? await tlsWay(server.url, other?.url)
      : await (outage.includes('name') ? unknownNameWay : refusedWay)(server.url);
    const proxy = await startCustomProxy({
      flows: FLOWS,
      egressProxy: 'none',
      accounts: { a: { ...account(way.url), ...(overTls && { tls: { caFile: authority.caFile } }) } },
      routes: [{ prefix: '/a', upstream: server.apiUrl, account: 'a' }],
    });
    try {
      let returnedAt = Infinity;
      const callers = callSteadily(proxy.url, '/a/x', INTERVAL, () => performance.now() > returnedAt + AFTER);
      while (server.calls.length === 0) await sleep(10);
      await way.shut();
      await sleep(LIFE * 1_000 + AWAY);
      returnedAt = performance.now();
      await way.open();
      const saw = await callers;
      const { accounts } = await statusOf(proxy);
      return {
        saw,
        returnedAt,
        attempts: way.attempts,
        server,
        remaining: accounts.find(({ account: one }) => one === 'a')?.budget?.remaining,
      };
    } finally {
      await proxy.stop();
      await way.close();
      await other?.close();
      await server.close();
    }
  }
});
