import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { call, metric } from '../../support/call.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import type { RunningProxy } from '../../support/proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';
import { dial } from '../../support/wire.ts';
import { freshWorld } from '../../support/world.ts';

/** The sums of the parts of time on a route, in ms. */
async function times(
  { operatorUrl }: Pick<RunningProxy, 'operatorUrl'>,
  route: string,
): Promise<Record<string, number>> {
  const parts: Record<string, string> = {
    all: 'request_duration',
    upstream: 'upstream_duration',
    firstByte: 'upstream_first_byte',
    own: 'overhead',
  };
  const found: Record<string, number> = {};
  for (const [name, part] of Object.entries(parts))
    found[name] = 1000 * (await metric(operatorUrl, `tokenward_${part}_seconds_sum`, { route }));
  return found;
}

describe("a request's time", () => {
  const keep = closing();
  const world = freshWorld();

  it('is the upstream’s until its body is complete, and its first byte’s until it begins', async () => {
    const upstream = await keep(
      fakeUpstream(async (_request, response) => {
        await sleep(120);
        response.writeHead(200, { 'content-type': 'text/plain' });
        response.write('begins');
        await sleep(200);
        response.end('ends');
      }),
    );
    const proxy = await keep(
      startCustomProxy({ routes: [{ prefix: '/a', upstream: upstream.url, account: 'fixed' }] }),
    );
    assert.equal((await call(proxy.url, '/a/x')).text, 'beginsends');
    const { all, upstream: theirs, firstByte, own } = await times(proxy, '/a');
    assert.ok(firstByte! >= 115 && firstByte! < 300, `first byte ${firstByte!}`);
    assert.ok(theirs! >= 315 && theirs! <= all!, `upstream ${theirs!} of ${all!}`);
    assert.ok(own! > 0 && own! < 100, `own ${own!}`);
    assert.equal(await metric(proxy.operatorUrl, 'tokenward_overhead_seconds_count', { route: '/a' }), 1);
  });

  it('is neither ours nor the upstream’s while a client sends its body', async () => {
    const upstream = await keep(fakeUpstream());
    const proxy = await keep(
      startCustomProxy({ routes: [{ prefix: '/a', upstream: upstream.url, account: 'fixed' }] }),
    );
    const { socket, closed } = await dial(proxy.url);
    socket.write('POST /a/x HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 40000\r\nConnection: close\r\n\r\n');
    socket.write('a'.repeat(20_000));
    await sleep(250);
    socket.write('b'.repeat(20_000));
    assert.match(await closed(), /^HTTP\/1\.1 200/);
    const { all, upstream: theirs, own } = await times(proxy, '/a');
    assert.ok(all! >= 240, `all ${all!}`);
    assert.ok(own! + theirs! < 150, `own ${own!}, upstream ${theirs!}`);
    assert.equal(upstream.seen[0]!.body.length, 40_000);
  });

  it('is the token’s while it waits for one, and the upstream’s in both attempts', async () => {
    const { sandbox, call: through, proxy } = world();
    await through('/softline/v1/order/7');
    const before = await times(proxy, '/softline');
    sandbox.softline.revokeCurrent();
    sandbox.softline.set({ loginDelayMs: 250 });
    assert.equal((await through('/softline/v1/order/8')).status, 200);
    const after = await times(proxy, '/softline');
    assert.ok(after['all']! - before['all']! >= 245, 'it has waited');
    assert.ok(after['own']! - before['own']! + after['upstream']! - before['upstream']! < 150, JSON.stringify(after));
    assert.equal(
      await metric(proxy.operatorUrl, 'tokenward_upstream_duration_seconds_count', { route: '/softline' }),
      2,
    );
  });

  it('does not reach the upstream where tokenward refuses the request', async () => {
    const proxy = await keep(startCustomProxy({ routes: [{ prefix: '/a', upstream: 'http://127.0.0.1:1' }] }));
    await call(proxy.url, '/nowhere');
    assert.equal(
      await metric(proxy.operatorUrl, 'tokenward_upstream_duration_seconds_count', { route: 'unmatched' }),
      0,
    );
    assert.equal(await metric(proxy.operatorUrl, 'tokenward_overhead_seconds_count', { route: 'unmatched' }), 1);
  });
});
