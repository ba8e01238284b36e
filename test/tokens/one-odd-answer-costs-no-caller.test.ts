import assert from 'node:assert/strict';
import { startCustomProxy } from '../support/custom-proxy.ts';
import {
  clientCredentials,
  crmAccount,
  CRM_FLOW,
  FakeTokenServer,
  type OddAnswer,
  type TokenCall,
} from '../support/fake-token-server.ts';
import { callSteadily, tally } from '../support/steady-callers.ts';

const PAGE = {
  headers: { 'content-type': 'text/html' },
  body: '<html><body>Access denied by the firewall</body></html>',
};

/** What a healthy token endpoint, or what stands before it, says now and then. */
const ODD_ANSWERS: readonly (readonly [what: string, odd: OddAnswer])[] = [
  ['a 500', { status: 500, headers: { 'content-type': 'application/json' }, body: '{"error":"server_error"}' }],
  ['a 429 with Retry-After: 1', { status: 429, headers: { 'retry-after': '1' } }],
  ['an empty 200', { status: 200 }],
  ['a web page with status 200', { status: 200, ...PAGE }],
  ['an answer that is cut', { cut: true }],
  ['a web page with status 401', { status: 401, ...PAGE }],
  ['a web page with status 403', { status: 403, ...PAGE }],
  ['a grant without expires_in', { without: ['expires_in'] }],
];

/** Seconds. Short, so that renewals come while a test can watch. */
const LIFE = 2;

const ACCOUNTS = [
  { name: 'client credentials, renewed early', rotating: false, account: clientCredentials },
  { name: 'a rotating refresh token and a login budget, renewed on demand', rotating: true, account: crmAccount },
] as const;

interface Run {
  readonly callers: Record<string, number>;
  readonly calls: readonly TokenCall[];
  readonly revokedFamilies: number;
}

/**
 * Callers at 20 a second, through a first login, and renewals of which the first meets the odd answer (`at: 'first'`:
 * the login does).
 */
async function watch(
  { rotating, account }: (typeof ACCOUNTS)[number],
  odd: OddAnswer,
  at: 'first' | 'renewal',
): Promise<Run> {
  const server = await FakeTokenServer.start({ life: LIFE, rotating });
  const proxy = await startCustomProxy({
    flows: CRM_FLOW,
    accounts: { a: account(server.url) },
    routes: [{ prefix: '/a', upstream: server.apiUrl, account: 'a' }],
  });
  try {
    if (at === 'first') server.oddOnce = odd;
    const end = performance.now() + (at === 'first' ? 1_500 : 2.2 * LIFE * 1_000);
    const saw = await callSteadily(proxy.url, '/a/x', 50, () => {
      // Set when the first token is there and its renewal is still to come.
      if (at === 'renewal' && server.calls.length === 1 && server.oddOnce === undefined) server.oddOnce = odd;
      return performance.now() > end;
    });
    return { callers: tally(saw), calls: [...server.calls], revokedFamilies: server.revokedFamilies };
  } finally {
    await proxy.stop();
    await server.close();
  }
}

for (const kind of ACCOUNTS) {
  describe(`one odd answer of the token endpoint costs no caller a request: ${kind.name}`, () => {
    const runs = new Map<string, Promise<Run>>();
    before(() => {
      // All at once: each of them waits for its tokens to end.
      for (const [what, odd] of ODD_ANSWERS) runs.set(what, watch(kind, odd, 'renewal'));
      runs.set('first', watch(kind, { status: 403, ...PAGE }, 'first'));
      for (const run of runs.values()) run.catch(() => undefined);
    });

    for (const [what] of ODD_ANSWERS) {
      it(`${what} at a renewal`, async () => {
        const { callers, calls, revokedFamilies } = await runs.get(what)!;
        assert.deepEqual(
          Object.keys(callers),
          ['200'],
          JSON.stringify({ callers, calls: calls.map(({ kind: call, outcome }) => `${call} ${outcome}`) }),
        );
        assert.equal(calls.filter(({ outcome }) => outcome === 'odd').length, 1, 'the odd answer was never given');
        // One call that came to nothing, at most one refresh token given up for it; nothing like a storm.
        assert.ok(calls.length <= 5, `${calls.length} token calls`);
        assert.equal(revokedFamilies, 0);
      });
    }

    it('a web page with status 403 at the very first login', async () => {
      const { callers, calls } = await runs.get('first')!;
      assert.deepEqual(Object.keys(callers), ['200'], JSON.stringify(callers));
      assert.equal(calls[0]?.outcome, 'odd');
      assert.equal(calls.length, 2);
    });
  });
}
