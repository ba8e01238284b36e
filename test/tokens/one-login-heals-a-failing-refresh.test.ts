import assert from 'node:assert/strict';
import { statusOf } from '../support/operator.ts';
import { startCustomProxy } from '../support/custom-proxy.ts';
import { crmAccount, CRM_FLOW, FakeTokenServer, type OddAnswer } from '../support/fake-token-server.ts';
import { callSteadily, tally, type CallerSaw } from '../support/steady-callers.ts';

const JSON_TYPE = { 'content-type': 'application/json' };
const PAGE = { headers: { 'content-type': 'text/html' }, body: '<html><body>Internal Server Error</body></html>' };

/** Ways in which servers answer a refresh token that they do not know any more, or cannot look up. */
const ANSWERS: readonly (readonly [what: string, odd: OddAnswer])[] = [
  ['500 with a message', { status: 500, headers: JSON_TYPE, body: '{"message":"cannot refresh"}' }],
  ['500 with a web page', { status: 500, ...PAGE }],
  ['500 without a word', { status: 500 }],
  ['404', { status: 404, headers: JSON_TYPE, body: '{"error":"not_found"}' }],
  ['404 with a web page', { status: 404, ...PAGE }],
  ['410', { status: 410 }],
  ['419', { status: 419, headers: JSON_TYPE, body: '{"message":"session expired"}' }],
  ['498', { status: 498, headers: JSON_TYPE, body: '{"message":"token expired"}' }],
  ['440', { status: 440 }],
  ['a 200 without a token', { status: 200, headers: JSON_TYPE, body: '{"message":"please log in"}' }],
];
/** What is allowed until the account is healed, ms. */
const HEALED_WITHIN = 6_000;

interface Run {
  readonly saw: readonly CallerSaw[];
  readonly revokedAt: number;
  readonly server: FakeTokenServer;
  readonly remaining: number | undefined;
}

describe('a refresh that never works, while a login would', () => {
  const runs = new Map<string, Promise<Run>>();
  before(() => {
    for (const [what, odd] of ANSWERS) runs.set(what, watch(odd));
    for (const run of runs.values()) run.catch(() => undefined);
  });

  for (const [what] of ANSWERS) {
    it(`${what}: is given up after a few tries, and one login heals the account`, async () => {
      const { saw, revokedAt, server, remaining } = await runs.get(what)!;
      const shown = JSON.stringify({
        callers: tally(saw),
        calls: server.calls.map(({ kind, outcome }) => `${kind} ${outcome}`),
      });
      const healed = saw.find(({ startedAt, status }) => startedAt > revokedAt && status === 200);
      assert.ok(
        healed !== undefined && healed.endedAt - revokedAt <= HEALED_WITHIN,
        `${healed === undefined ? 'never' : `after ${Math.round(healed.endedAt - revokedAt)} ms`}: ${shown}`,
      );
      assert.equal(server.count('login'), 2, shown);
      assert.ok(server.count('refresh') >= 1 && server.count('refresh') <= 6, shown);
      assert.equal(remaining, 78);
      // Once healed it stays so.
      assert.deepEqual(Object.keys(tally(saw.filter(({ startedAt }) => startedAt >= healed.endedAt))), ['200']);
    });
  }

  async function watch(odd: OddAnswer): Promise<Run> {
    const server = await FakeTokenServer.start({ rotating: true });
    const proxy = await startCustomProxy({
      flows: CRM_FLOW,
      accounts: { a: crmAccount(server.url) },
      routes: [{ prefix: '/a', upstream: server.apiUrl, account: 'a' }],
    });
    try {
      server.odd.refresh = odd;
      await callSteadily(proxy.url, '/a/x', 50, () => server.calls.length > 0);
      server.revokeTokens();
      const revokedAt = performance.now();
      const saw = await callSteadily(
        proxy.url,
        '/a/x',
        250,
        () => performance.now() > revokedAt + HEALED_WITHIN + 1_000,
      );
      const { accounts } = await statusOf(proxy);
      return { saw, revokedAt, server, remaining: accounts.find(({ account }) => account === 'a')?.budget?.remaining };
    } finally {
      await proxy.stop();
      await server.close();
    }
  }
});
