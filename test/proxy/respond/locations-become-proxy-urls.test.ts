import assert from 'node:assert/strict';
import { call, type Answer } from '../../support/call.ts';
import { startProxy } from '../../support/proxy.ts';
import { freshWorld, withRoute } from '../../support/world.ts';

describe('a Location header', () => {
  const world = freshWorld();

  async function locationOf(
    value: string,
    options: { header?: string; base?: string; host?: string } = {},
  ): Promise<string | undefined> {
    const { sandbox } = world();
    const header = options.header ?? 'location';
    const proxy =
      options.base === undefined
        ? undefined
        : await startProxy(sandbox, {
            config: withRoute('/softline', { upstream: `${sandbox.urls.softline}${options.base}` }),
          });
    sandbox.softline.set({ apiOverride: { status: 302, headers: { [header]: value } } });
    const answer: Answer = await call(proxy?.url ?? world().proxy.url, '/softline/v1/order/77', {
      headers: { host: options.host ?? 'proxy.example:8080' },
    });
    await proxy?.stop();
    const found = answer.headers[header];
    return Array.isArray(found) ? found.join() : found;
  }

  it('to the upstream, as a whole URL, comes back as a URL of the proxy the caller used', async () => {
    const { softline } = world().sandbox.urls;
    assert.equal(
      await locationOf(`${softline}/v1/order/78?x=%2F#part`),
      'http://proxy.example:8080/softline/v1/order/78?x=%2F#part',
    );
    assert.equal(await locationOf(softline), 'http://proxy.example:8080/softline');
    assert.equal(await locationOf(`${softline}/`), 'http://proxy.example:8080/softline/');
    assert.equal(await locationOf(`${softline}?x=1`), 'http://proxy.example:8080/softline?x=1');
    assert.equal(
      await locationOf(softline.replace('http://', 'HTTP://') + '/v1'),
      'http://proxy.example:8080/softline/v1',
    );
  });

  it('as an absolute path gets the prefix', async () => {
    assert.equal(await locationOf('/v1/order/78'), '/softline/v1/order/78');
    assert.equal(await locationOf('/'), '/softline/');
    assert.equal(await locationOf('/?x=1'), '/softline/?x=1');
  });

  it('to another host, or relative, stays as it is', async () => {
    const { softline } = world().sandbox.urls;
    for (const value of [
      'https://shop.example/pay?token=1',
      'order/78',
      '../78',
      '?page=2',
      '//cdn.example/x',
      'mailto:a@b.example',
      `${softline}0/v1`,
      softline.replace('http:', 'https:') + '/v1',
      `http://elsewhere.example/${softline}`,
    ]) {
      assert.equal(await locationOf(value), value);
    }
  });

  it('Content-Location is treated in the same way', async () => {
    assert.equal(await locationOf('/v1/order/78', { header: 'content-location' }), '/softline/v1/order/78');
    assert.equal(
      await locationOf(`${world().sandbox.urls.softline}/v1/a`, { header: 'content-location' }),
      'http://proxy.example:8080/softline/v1/a',
    );
  });

  it('behind an upstream URL with a path loses that path', async () => {
    const { softline } = world().sandbox.urls;
    assert.equal(
      await locationOf(`${softline}/base/v1/a`, { base: '/base' }),
      'http://proxy.example:8080/softline/v1/a',
    );
    assert.equal(await locationOf('/base/v1/a?b', { base: '/base' }), '/softline/v1/a?b');
    assert.equal(await locationOf('/base', { base: '/base' }), '/softline');
    // Beside the path: no URL of the proxy leads there.
    assert.equal(await locationOf('/basement/a', { base: '/base' }), '/basement/a');
    assert.equal(await locationOf('/other', { base: '/base' }), '/other');
  });

  it('is followed by nobody here: the caller decides', async () => {
    const { sandbox } = world();
    const answer = await world().call('/softline/v1/sandbox/redirect');
    assert.equal(answer.status, 302);
    assert.equal(sandbox.ledger.count({ kind: 'api' }), 1);
    const target = new URL(answer.headers.location ?? '');
    assert.equal(target.origin, world().proxy.url);
    assert.equal((await world().call(target.pathname, { method: 'POST', body: 'there' })).text, 'there');
  });
});
