import assert from 'node:assert/strict';
import { metric } from '../../support/call.ts';
import { eventually } from '../../support/eventually.ts';
import { startProxy } from '../../support/proxy.ts';
import { closedPort, dial, tcpServer, type TestServer } from '../../support/wire.ts';
import { both, freshWorld, ownCode, tokenCalls, VENDORS, withRoute } from '../../support/world.ts';

describe('an upstream that is down', () => {
  let nowhere = '';
  before(async () => {
    nowhere = await closedPort();
  });
  const world = freshWorld({
    config: (base) =>
      both(...['/softline', '/crm', '/twin/iam'].map((prefix) => withRoute(prefix, { upstream: nowhere })))(base),
  });

  for (const { vendor, read } of VENDORS) {
    it(`${vendor}: 502 upstream_unreachable`, async () => {
      const { proxy, sandbox } = world();
      const answer = await world().call(read);
      assert.equal(answer.status, 502);
      assert.equal(ownCode(answer), 'upstream_unreachable');
      assert.match(answer.text, /ECONNREFUSED/);
      assert.equal(await metric(proxy.operatorUrl, 'tokenward_errors_total', { reason: 'upstream_unreachable' }), 1);
      assert.equal(tokenCalls(sandbox, vendor), 1);
      // The token was fetched for nothing, but it is kept.
      await world().call(read);
      assert.equal(tokenCalls(sandbox, vendor), 1);
    });
  }
});

describe('an upstream that is too slow', () => {
  const world = freshWorld({
    config: (base) =>
      both(
        ...['/softline', '/crm', '/twin/notify'].map((prefix) =>
          withRoute(prefix, { timeouts: { firstByte: '1s', idle: '1s' } }),
        ),
      )(base),
  });

  for (const { vendor, helpers } of VENDORS) {
    it(`${vendor}: 504 upstream_timeout, and its request is given up`, async () => {
      const { sandbox } = world();
      for (const answer of await Promise.all(
        [{}, { method: 'POST', body: '{"once":true}' }].map((options) => world().call(`${helpers}/hang`, options)),
      )) {
        assert.equal(answer.status, 504);
        assert.equal(ownCode(answer), 'upstream_timeout');
      }
      await sandbox.ledger.idle();
      // One arrival each: nothing that timed out is sent again.
      assert.equal(sandbox.ledger.count({ vendor, kind: 'api' }), 2);
      assert.equal(sandbox.ledger.count({ vendor, kind: 'api', aborted: true }), 2);
    });
  }

  it('a body that stops coming is cut, not ended', async () => {
    const { sandbox } = world();
    await assert.rejects(world().call('/softline/v1/sandbox/slow-body?pieces=3&ms=5000'));
    await sandbox.ledger.idle();
    assert.equal(sandbox.ledger.last({ vendor: 'softline' })?.aborted, true);
  });

  it('a slow body whose pieces keep coming is not', async () => {
    const answer = await world().call('/softline/v1/sandbox/slow-body?pieces=6&ms=300');
    assert.equal(answer.text, 'one line of a slow answer\n'.repeat(6));
  });
});

describe('an upstream that resets the connection before its answer', () => {
  const world = freshWorld();

  for (const { vendor, helpers } of VENDORS) {
    it(`${vendor}: a GET is sent once more, a POST never; both get 502 upstream_broken`, async () => {
      const { sandbox } = world();
      const get = await world().call(`${helpers}/reset`);
      assert.equal(get.status, 502);
      assert.equal(ownCode(get), 'upstream_broken');
      assert.equal(sandbox.ledger.count({ vendor, kind: 'api', method: 'GET' }), 2);
      for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
        const answer = await world().call(`${helpers}/reset`, { method, body: '{"amount":1}' });
        assert.equal(ownCode(answer), 'upstream_broken');
        assert.equal(sandbox.ledger.count({ vendor, kind: 'api', method }), 1, method);
      }
      assert.equal(tokenCalls(sandbox, vendor), 1);
    });
  }
});

describe('an upstream that breaks off in the middle of its answer', () => {
  const world = freshWorld();

  for (const { vendor, helpers } of VENDORS) {
    for (const bytes of [0, 1, 1_000, 100_000, 1_000_000]) {
      it(`${vendor}: after ${bytes} bytes: the caller's connection is cut, never ended`, async () => {
        const { sandbox, proxy } = world();
        const line = await dial(proxy.url);
        line.socket.write(`GET ${helpers}/cut/${bytes} HTTP/1.1\r\nHost: proxy\r\n\r\n`);
        const text = await line.closed();
        const head = text.indexOf('\r\n\r\n');
        if (head !== -1 && text.startsWith('HTTP/1.1 200')) {
          const length = Number(text.match(/content-length: (\d+)/i)?.[1]);
          assert.equal(length, Math.max(2 * bytes, 1));
          assert.ok(text.length - head - 4 <= bytes, 'more than the upstream sent');
        } else {
          // Broken before anything of it was passed on: then an error of ours is just as clear.
          assert.match(text, /^HTTP\/1\.1 502 /);
        }
        await sandbox.ledger.idle();
        await assert.rejects(world().call(`${helpers}/cut/${bytes + 70_000}`));
      });
    }
  }

  it('a chunked answer without its last chunk is cut as well', async () => {
    let upstream: TestServer | undefined;
    try {
      upstream = await tcpServer((socket) => {
        socket.once('data', () => {
          socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n');
          setTimeout(() => socket.destroy(), 50);
        });
      });
      const { sandbox } = world();
      const own = await startProxy(sandbox, { config: withRoute('/softline', { upstream: upstream.url }) });
      const line = await dial(own.url);
      line.socket.write('GET /softline/x HTTP/1.1\r\nHost: proxy\r\n\r\n');
      const text = await line.closed();
      assert.match(text, /hello/);
      assert.doesNotMatch(text, /\r\n0\r\n/);
      await own.stop();
    } finally {
      await upstream?.close();
    }
  });
});

describe('an upstream that hangs', () => {
  const world = freshWorld();

  it('lets its callers go whenever they like', async () => {
    const { sandbox } = world();
    const aborts = Array.from({ length: 20 }, () => new AbortController());
    const calls = aborts.map(({ signal }) => world().call('/crm/v1/sandbox/hang', { signal }));
    await eventually('all have arrived', () => sandbox.ledger.open().chatapp === 20);
    for (const abort of aborts) abort.abort();
    await Promise.allSettled(calls);
    await sandbox.ledger.idle();
    assert.equal(sandbox.ledger.count({ vendor: 'chatapp', aborted: true }), 20);
  });
});
