import assert from 'node:assert/strict';
import { metric } from '../../support/call.ts';
import { eventually } from '../../support/eventually.ts';
import { pieces } from '../../support/upload.ts';
import { dial } from '../../support/wire.ts';
import { freshWorld, tokenCalls, VENDORS } from '../../support/world.ts';

describe('a caller who leaves', () => {
  const world = freshWorld();

  for (const { vendor, helpers, read } of VENDORS) {
    it(`${vendor}: before the answer, during it and during his upload: the upstream request is cancelled`, async () => {
      const { sandbox, proxy } = world();
      await world().call(read);
      const heads = [
        [`GET ${helpers}/hang HTTP/1.1\r\nHost: proxy\r\n\r\n`, undefined],
        [`GET ${helpers}/sse?events=1000&ms=20 HTTP/1.1\r\nHost: proxy\r\n\r\n`, /data: /],
        [`GET ${helpers}/bytes/200000000 HTTP/1.1\r\nHost: proxy\r\n\r\n`, /\r\n\r\n[^]{1000}/],
        [
          `POST ${helpers}/echo HTTP/1.1\r\nHost: proxy\r\nContent-Length: 50000000\r\n\r\n${'x'.repeat(2_000_000)}`,
          /\r\n\r\nxxx/,
        ],
      ] as const;
      for (const [head, sign] of heads) {
        const before = sandbox.ledger.count({ vendor, kind: 'api' });
        const line = await dial(proxy.url);
        line.socket.write(head);
        await eventually('the request has arrived', () => sandbox.ledger.count({ vendor, kind: 'api' }) === before + 1);
        if (sign !== undefined) await line.until(sign);
        line.socket.destroy();
        await sandbox.ledger.idle();
        assert.equal(sandbox.ledger.last({ vendor, kind: 'api' })?.aborted, true, head.slice(0, 60));
      }
      assert.equal(await metric(proxy.operatorUrl, 'tokenward_requests_in_flight'), 0);
      assert.equal(await metric(proxy.operatorUrl, 'tokenward_buffered_bytes'), 0);
    });
  }

  it('200 at once: no upstream request is left open, and the next ones find connections', async () => {
    const { sandbox, proxy } = world();
    await world().call('/crm/v1/licenses');
    const lines = await Promise.all(Array.from({ length: 200 }, () => dial(proxy.url)));
    for (const line of lines) line.socket.write('GET /crm/v1/sandbox/hang HTTP/1.1\r\nHost: proxy\r\n\r\n');
    // 64 connections to an upstream are the default; the others wait in line.
    await eventually('all connections are taken', () => sandbox.ledger.open().chatapp === 64);
    for (const line of lines) line.socket.destroy();
    await sandbox.ledger.idle();
    await eventually(
      'nobody is in flight',
      async () => (await metric(proxy.operatorUrl, 'tokenward_requests_in_flight')) === 0,
    );
    const answers = await Promise.all(Array.from({ length: 100 }, () => world().call('/crm/v1/licenses')));
    assert.ok(answers.every(({ status }) => status === 200));
    await sandbox.ledger.idle();
    // One in line may still be sent before his leaving is noticed; he is cancelled then.
    assert.equal(sandbox.ledger.count({ path: '/v1/sandbox/hang', aborted: false }), 0);
  });

  it('in the middle of his body: nothing of it is sent, and what was kept is given back', async () => {
    const { sandbox, proxy } = world();
    await world().call('/crm/v1/licenses');
    const line = await dial(proxy.url);
    line.socket.write('POST /crm/v1/sandbox/anything HTTP/1.1\r\nHost: proxy\r\nContent-Length: 900000\r\n\r\n');
    for (const piece of pieces(500_000)) line.socket.write(piece);
    await eventually(
      'it is being kept',
      async () => (await metric(proxy.operatorUrl, 'tokenward_buffered_bytes')) === 900_000,
    );
    line.socket.destroy();
    await eventually(
      'it is given back',
      async () => (await metric(proxy.operatorUrl, 'tokenward_buffered_bytes')) === 0,
    );
    assert.equal(sandbox.ledger.count({ method: 'POST', kind: 'api' }), 0);
    assert.equal(await metric(proxy.operatorUrl, 'tokenward_requests_in_flight'), 0);
  });

  for (const { vendor, read, renewal } of VENDORS) {
    it(`${vendor}: during a renewal: it goes on, and the next caller uses its token`, async () => {
      const { sandbox, proxy } = world();
      await world().call(read);
      sandbox[vendor].revokeCurrent();
      if (renewal === 'login') sandbox[vendor].set({ loginMode: 'slow', slowMs: 2_000 });
      else sandbox[vendor].set({ refreshMode: 'slow', slowMs: 2_000 });
      sandbox.ledger.clear();
      const line = await dial(proxy.url);
      line.socket.write(`GET ${read} HTTP/1.1\r\nHost: proxy\r\n\r\n`);
      await eventually('the renewal is under way', () => tokenCalls(sandbox, vendor) === 1);
      line.socket.destroy();
      await eventually(
        'nobody is in flight',
        async () => (await metric(proxy.operatorUrl, 'tokenward_requests_in_flight')) === 0,
      );
      assert.equal(
        sandbox.ledger.last({ vendor, kind: renewal })?.finishedAt,
        null,
        'the renewal must still be under way',
      );

      assert.equal((await world().call(read)).status, 200);
      assert.equal(tokenCalls(sandbox, vendor), 1);
      assert.equal(sandbox.ledger.last({ vendor, kind: renewal })?.aborted, false);
      // The one who left is not replayed.
      assert.deepEqual(
        sandbox.ledger.entries({ vendor, kind: 'api' }).map(({ outcome, tokenId }) => [outcome, tokenId]),
        [
          ['dead-token', `${vendor}#1`],
          ['ok', `${vendor}#2`],
        ],
      );
    });
  }
});
