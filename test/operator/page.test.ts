import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { OperatorView } from '../../src/operator/view.ts';
import { createHttpServer } from '../../src/http/server/server.ts';
import type { CredentialStatus } from '../../src/tokens/status.ts';
import { cells, render, textOf } from '../support/browser.ts';
import { operatorApp } from '../support/operator.ts';
import { freshWorld } from '../support/world.ts';

/** What stands there once the page has shown its first answer. */
const SHOWN = /<small id="about">[^<]/;

describe("the operator's page in a browser", function () {
  this.timeout(90_000);
  const world = freshWorld();

  it('shows every account and route with its state', async function () {
    const { proxy, sandbox, call } = world();
    await call('/softline/v1/order/7');
    await call('/softline/v1/order/8');
    sandbox.twin.accounts.length = 0;
    await call('/twin/iam/api/v1/users/me');
    const page = await render(this, proxy.operatorUrl, SHOWN);

    const accounts = cells(page, 'accounts');
    assert.deepEqual(
      accounts.map(([name, flow, state, generation]) => [name!.split(/ {2,}/)[0], flow, state, generation]),
      [
        ['softline', 'softline', 'working', '1'],
        ['crm', 'chatapp', 'unused', '0'],
        ['twin the token endpoint refused the login (status 401)', 'twin', 'dead', '0'],
      ],
    );
    assert.match(accounts[0]![5]!, /^in (23 h 59 min|24 h 0 min)$/);
    assert.equal(accounts[1]![6], '80 of 80 (+20)');
    assert.deepEqual(
      cells(page, 'routes').map(([prefix, , account, requests]) => [prefix, account, requests]),
      [
        ['/softline', 'softline', '2'],
        ['/crm', 'crm', '0'],
        ['/twin/iam', 'twin', '1'],
        ['/twin/cis', 'twin', '0'],
        ['/twin/notify', 'twin', '0'],
      ],
    );
    assert.equal(textOf(page, 'summary'), '1 of 3 accounts cannot serve: twin.');
    assert.match(page, /<p id="offline" role="alert" hidden="">/);
  });

  it('says when all is well', async function () {
    assert.equal(
      textOf(await render(this, world().proxy.operatorUrl, SHOWN), 'summary'),
      'No account is in trouble (3).',
    );
  });
});

describe("the operator's page with hostile texts", function () {
  this.timeout(90_000);
  const HOSTILE = "<img src=x onerror=\"document.title='pwned'\"><script>document.title='pwned'</script>\"&amp;";
  let server: Server;
  let status: Partial<CredentialStatus>[];
  let stranger: Server;
  let strangersCalls: number;
  before(async () => {
    strangersCalls = 0;
    stranger = createServer((_request, response) => {
      strangersCalls += 1;
      response.end();
    }).listen(0, '127.0.0.1');
    const view = {
      status: async () => ({
        version: 'x',
        node: 'x',
        now: 1_000_000,
        stopping: false,
        store: { usable: true, since: 0, error: undefined },
        accounts: status,
        accountCount: { known: 2, inMemory: 2 },
        routes: [{ prefix: `/${HOSTILE}`, upstream: HOSTILE, account: HOSTILE, requests: 0, inFlight: 0 }],
      }),
    };
    server = createHttpServer(operatorApp({ view: view as unknown as OperatorView }), { headerBytes: 16_384 });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  after(() => {
    server.close();
    stranger.close();
  });

  it('shows them as text and runs none of them', async function () {
    const image = `<img src="http://127.0.0.1:${(stranger.address() as AddressInfo).port}/x">`;
    status = [HOSTILE, image].map((text) => ({
      account: text,
      flow: text,
      state: 'dead',
      ready: false,
      problem: text,
      generation: 1,
      dead: true,
      waiting: 0,
      retryAt: 1_060_000,
    }));
    const page = await render(this, `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, SHOWN);
    assert.match(page, /<title>tokenward<\/title>/);
    assert.ok(!page.includes('<img'), 'markup got into the page');
    assert.equal(page.match(/<script/g)?.length, 1);
    assert.deepEqual(cells(page, 'accounts')[0]!.slice(0, 3), [
      `${HOSTILE} ${HOSTILE}; next try in 60 s`,
      HOSTILE,
      'dead',
    ]);
    assert.deepEqual(cells(page, 'routes')[0]!.slice(0, 3), [`/${HOSTILE}`, HOSTILE, HOSTILE]);
    assert.equal(strangersCalls, 0);
  });
});
