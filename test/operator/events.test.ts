import assert from 'node:assert/strict';
import { get, type IncomingMessage } from 'node:http';
import { freshBrowser, shown } from '../support/browser.ts';
import { eventually } from '../support/eventually.ts';
import { freshFolder } from '../support/files.ts';
import { operator } from '../support/operator.ts';
import { startProxy } from '../support/proxy.ts';
import { startSandbox } from '../../src/sandbox/sandbox.ts';
import { freshWorld, withRoute } from '../support/world.ts';

interface Stream {
  readonly response: IncomingMessage;
  readonly events: { name: string; data: Record<string, unknown> }[];
}

const open: IncomingMessage[] = [];

function listen(operatorUrl: string, headers: Record<string, string> = {}): Promise<Stream> {
  return new Promise((resolve, reject) => {
    get(`${operatorUrl}/events`, { headers }, (response) => {
      open.push(response);
      const events: Stream['events'] = [];
      let rest = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        const parts = (rest + text).split('\n\n');
        rest = parts.pop()!;
        for (const part of parts) {
          const [, name, data] = /^event: (\w+)\ndata: (.*)$/s.exec(part) ?? [];
          if (name !== undefined) events.push({ name, data: JSON.parse(data!) as Record<string, unknown> });
        }
      });
      response.on('error', () => undefined);
      resolve({ response, events });
    }).on('error', reject);
  });
}

describe('GET /events', function () {
  this.timeout(60_000);
  const world = freshWorld({ config: withRoute('/softline', { upstream: 'http://127.0.0.1:9' }) });
  afterEach(() => {
    for (const response of open.splice(0)) response.destroy();
  });

  it('tells the present state at once, and then what changes', async () => {
    const { proxy, sandbox, call } = world();
    const { response, events } = await listen(proxy.operatorUrl);
    assert.match(response.headers['content-type']!, /^text\/event-stream/);
    await eventually('the first events', () => events.length >= 2);
    assert.deepEqual(events.map(({ name }) => name).slice(0, 2), ['minutes', 'status']);
    assert.deepEqual([events[1]!.data['accounts'], events[1]!.data['incidents']], [[], []]);
    sandbox.twin.accounts.length = 0;
    await call('/twin/iam/api/v1/users/me');
    await eventually('the incident', () =>
      events.some(({ data }) => data['verdict'] === '1 of 3 accounts cannot serve.'),
    );
  });

  it('is silent while nothing changes', async () => {
    const { proxy, call } = world();
    assert.equal((await call('/softline/v1/order/7')).status, 502);
    const { events } = await listen(proxy.operatorUrl);
    await eventually('the first events', () => events.length >= 2);
    const before = events.length;
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    // A minute may have begun meanwhile.
    assert.deepEqual(
      events.slice(before).filter(({ name }) => name === 'status'),
      [],
    );
  });

  it('computes the state once for all who listen, at most each second, and not for nobody', async () => {
    const { proxy } = world();
    const { view } = proxy.app;
    let looks = 0;
    const overview = view.overview.bind(view);
    view.overview = () => {
      looks += 1;
      return overview();
    };
    const streams = await Promise.all(Array.from({ length: 10 }, () => listen(proxy.operatorUrl)));
    await eventually('all have heard', () => streams.every(({ events }) => events.length >= 2));
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    assert.ok(looks >= 2 && looks <= 4, `${looks} looks`);
    for (const { response } of streams) response.destroy();
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const before = looks;
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    assert.equal(looks, before);
  });

  it('has room for 32 listeners, and says so to the next', async () => {
    const { proxy } = world();
    await Promise.all(Array.from({ length: 32 }, () => listen(proxy.operatorUrl)));
    await operator(proxy).get('/events').expect(503).expect('retry-after', '10');
    open.pop()!.destroy();
    await eventually('a place is free', async () => (await listen(proxy.operatorUrl)).response.statusCode === 200);
  });

  it("is not for another site's page, which could take all places", async () => {
    const { proxy } = world();
    for (const headers of [{ 'sec-fetch-site': 'cross-site' }, { origin: 'https://evil.example' }] as Record<
      string,
      string
    >[])
      await operator(proxy).get('/events').set(headers).expect(403);
    await operator(proxy).get('/events').set('Host', 'evil.example').expect(403);
  });
});

describe("the operator's page when tokenward restarts", function () {
  this.timeout(90_000);
  const folder = freshFolder();
  const browser = freshBrowser();

  it('says that it hears nothing, and goes on when there is one again', async function () {
    const sandbox = await startSandbox();
    try {
      const first = await startProxy(sandbox, { folder: folder() });
      const { port } = first.app.operatorAddress;
      const page = await shown(await browser(this, first.operatorUrl));
      await first.stop();
      await page.getByText(/No answer from tokenward since/).waitFor();
      assert.equal(await page.locator('#live').textContent(), 'offline');
      const second = await startProxy(sandbox, {
        folder: folder(),
        config: (base) => ({ ...base, operator: { host: '127.0.0.1', port } }),
      });
      try {
        await page.locator('#live[data-live="live"]').waitFor();
        assert.equal(await page.locator('#offline').isVisible(), false);
        await page.getByRole('button', { name: 'Renew softline' }).click();
        await page.locator('#dialog-confirm').click();
        await page.getByText('softline has a new token').waitFor();
      } finally {
        await second.stop();
      }
    } finally {
      await sandbox.close();
    }
  });
});
