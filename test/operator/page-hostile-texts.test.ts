import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createHttpServer } from '../../src/http/server/server.ts';
import type { Incident } from '../../src/operator/incident.ts';
import type { AccountStatus } from '../../src/operator/status-document.ts';
import type { OperatorView, Overview } from '../../src/operator/view.ts';
import { noStates } from '../../src/operator/describe-status.ts';
import { accountsOn, freshBrowser, shown } from '../support/browser.ts';
import { operatorApp } from '../support/operator.ts';

describe("the operator's page with hostile texts", function () {
  this.timeout(90_000);
  const HOSTILE = "<img src=x onerror=\"document.title='pwned'\"><script>document.title='pwned'</script>\"&amp;";
  const open = freshBrowser();
  let server: Server;
  let stranger: Server;
  let strangersCalls = 0;
  before(async () => {
    stranger = createServer((_request, response) => {
      strangersCalls += 1;
      response.end();
    });
    await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
    const image = `<img src="http://127.0.0.1:${(stranger.address() as AddressInfo).port}/x">`;
    const account = (text: string): AccountStatus => ({
      account: text,
      flow: text,
      named: true,
      state: 'dead',
      ready: false,
      problem: text,
      generation: 1,
      obtainedAt: undefined,
      expiresAt: undefined,
      refreshExpiresAt: undefined,
      refusedAt: undefined,
      dead: true,
      renewing: false,
      waiting: 0,
      retryAt: undefined,
      budget: undefined,
      renewals: [{ at: 1, cause: text, by: text, kind: text, outcome: text, reason: text, ms: 1 }],
    });
    const who = { accounts: [HOSTILE], accountCount: 2, routes: [HOSTILE], callers: [image] };
    const incident: Incident = {
      id: HOSTILE,
      severity: 'critical',
      what: HOSTILE,
      why: image,
      since: 1,
      who,
      command: HOSTILE,
      action: { kind: 'renew', account: HOSTILE },
    };
    const states = { ...noStates(), dead: 2 };
    const overview: Overview = {
      version: HOSTILE,
      node: HOSTILE,
      now: Date.now(),
      stopping: false,
      verdict: HOSTILE,
      incidents: [incident],
      store: { usable: false, since: 0, error: HOSTILE },
      accounts: [],
      accountCount: { known: 2, inMemory: 2 },
      states,
      routes: [{ prefix: `/${HOSTILE}`, upstream: HOSTILE, account: image, requests: 0, inFlight: 0, minutes: [] }],
      callers: [{ name: HOSTILE, inFlight: 1, admitted: 1, refused: 1, lately: { admitted: 1, refused: 1 } }],
      actions: ['renew'],
      config: {
        file: HOSTILE,
        hash: HOSTILE,
        since: 1,
        lastReload: { at: 1, ok: false, trigger: 'file', error: image },
      },
      refused: [{ kind: 'policy', path: HOSTILE, caller: image, count: 1, firstAt: 1, lastAt: 1, patch: HOSTILE }],
      revision: 1,
      routeCount: 1,
    };
    const accounts = { now: 1, page: 1, pages: 1, total: 2, states, accounts: [HOSTILE, image].map(account) };
    const view: Partial<OperatorView> = { overview: async () => overview, accounts: async () => accounts };
    server = createHttpServer(operatorApp({ view }), { headerBytes: 16_384 });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  after(() => {
    server.closeAllConnections();
    server.close();
    stranger.close();
  });

  it('shows them as text and runs none of them', async function () {
    const page = await shown(await open(this, `http://127.0.0.1:${(server.address() as AddressInfo).port}/`));
    await page.getByRole('button', { name: 'Details of' }).first().click();
    assert.equal(await page.title(), '(1) tokenward');
    assert.equal((await accountsOn(page))[0]!.name, HOSTILE);
    assert.equal(await page.locator('#verdict').textContent(), HOSTILE);
    assert.equal(await page.locator('#route-list h3').textContent(), `/${HOSTILE}`);
    assert.match((await page.locator('#panels').textContent())!, /<img src=x onerror/);
    // One of the page's own, and none that came from a name.
    assert.equal(await page.locator('img').count(), 1);
    assert.equal(await page.locator('script').count(), 1);
    assert.equal(strangersCalls, 0);
  });
});
