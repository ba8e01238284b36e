import assert from 'node:assert/strict';
import { metric } from '../../support/call.ts';
import { eventually } from '../../support/eventually.ts';
import { patternSha256, pieces, upload } from '../../support/upload.ts';
import { dial } from '../../support/wire.ts';
import { freshWorld, ownCode, VENDORS, withRoute } from '../../support/world.ts';

const MIB = 1024 * 1024;

for (const [limit, config] of [
  [MIB, undefined],
  [8 * MIB, (base: Parameters<ReturnType<typeof withRoute>>[0]) => withRoute('/crm', { maxReplayBody: '8 MiB' })(base)],
] as const) {
  describe(`a dead token on a POST, with a replay limit of ${limit / MIB} MiB`, () => {
    const world = freshWorld(config === undefined ? {} : { config });
    const target = '/crm/v1/sandbox/anything';

    const cases = [
      ['nothing, with Content-Length: 0', 0, true],
      ['nothing, chunked', 0, false],
      ['one byte', 1, true],
      ['the limit less one byte', limit - 1, true],
      ['the limit exactly', limit, true],
      ['the limit less one byte, chunked', limit - 1, false],
      ['the limit exactly, chunked', limit, false],
    ] as const;
    for (const [name, length, sized] of cases) {
      it(`${name}: replayed with the same bytes`, async () => {
        const { sandbox, proxy } = world();
        await world().call('/crm/v1/licenses');
        sandbox.chatapp.revokeCurrent();
        sandbox.ledger.clear();
        const answer = await upload(proxy.url, target, pieces(length), { length: sized ? length : false });
        assert.equal(answer.headers['x-tokenward-replay'], undefined);
        assert.deepEqual(
          sandbox.ledger
            .entries({ vendor: 'chatapp' })
            .map(({ kind, outcome, bodyBytes, bodySha256 }) =>
              kind === 'api' ? [outcome === 'dead-token', bodyBytes, bodySha256] : kind,
            ),
          [[true, length, patternSha256(length)], 'refresh', [false, length, patternSha256(length)]],
        );
        await eventually(
          'nothing is buffered any more',
          async () => (await metric(proxy.operatorUrl, 'tokenward_buffered_bytes')) === 0,
        );
      });
    }

    for (const [name, sized] of [
      ['with a length', true],
      ['chunked', false],
    ] as const) {
      it(`one byte more, ${name}: streamed once, renewed, and not replayed`, async () => {
        const { sandbox, proxy } = world();
        await world().call('/crm/v1/licenses');
        sandbox.chatapp.revokeCurrent();
        sandbox.ledger.clear();
        const length = limit + 1;
        const answer = await upload(proxy.url, target, pieces(length), { length: sized ? length : false });
        assert.equal(answer.status, 403);
        assert.equal((answer.json() as { error: { code: string } }).error.code, 'ApiInvalidTokenError');
        assert.equal(answer.headers['x-tokenward-replay'], 'not-replayed; may-resend');
        assert.deepEqual(
          sandbox.ledger.entries({ vendor: 'chatapp' }).map(({ kind, bodyBytes }) => [kind, bodyBytes]),
          [
            ['api', length],
            ['refresh', 0],
          ],
        );

        const again = await upload(proxy.url, target, pieces(length), { length: sized ? length : false });
        assert.equal(again.headers['x-tokenward-replay'], undefined);
        assert.equal(sandbox.ledger.count({ vendor: 'chatapp', kind: 'refresh' }), 1);
        assert.equal(sandbox.ledger.last({ vendor: 'chatapp' })?.bodySha256, patternSha256(length));
        assert.equal(await metric(proxy.operatorUrl, 'tokenward_buffered_bytes'), 0);
      });
    }
  });
}

describe('the same bytes on a replay', () => {
  const world = freshWorld();

  for (const { vendor, write } of VENDORS) {
    it(`${vendor}: a body sent in many small pieces arrives as one, twice`, async () => {
      const { sandbox, proxy } = world();
      await world().call(write, {
        method: 'POST',
        body: '{"text":"first"}',
        headers: { 'content-type': 'application/json' },
      });
      sandbox[vendor].revokeCurrent();
      sandbox.ledger.clear();
      const body = Buffer.from(JSON.stringify({ text: 'пример '.repeat(200) }));
      const bits = Array.from({ length: Math.ceil(body.length / 7) }, (_, index) =>
        body.subarray(index * 7, index * 7 + 7),
      );
      const answer = await upload(proxy.url, write, bits, { headers: { 'content-type': 'application/json' } });
      assert.equal(answer.status, 200);
      const arrivals = sandbox.ledger.entries({ vendor, kind: 'api' });
      assert.deepEqual(
        arrivals.map(({ bodyBytes }) => bodyBytes),
        [body.length, body.length],
      );
      assert.equal(arrivals[0]!.bodySha256, arrivals[1]!.bodySha256);
      assert.equal(sandbox.ledger.count({ vendor, applied: true }), 1);
    });
  }

  it('a multipart upload is replayed', async () => {
    const { sandbox } = world();
    await world().call('/twin/iam/api/v1/users/me');
    sandbox.twin.revokeCurrent();
    const body = '--x\r\nContent-Disposition: form-data; name="file"; filename="n.csv"\r\n\r\n79001234567\r\n--x--\r\n';
    const answer = await world().call('/twin/cis/api/v1/telephony/autoCall/import', {
      method: 'POST',
      body,
      headers: { 'content-type': 'multipart/form-data; boundary=x' },
    });
    assert.equal(answer.status, 200);
    assert.equal(sandbox.ledger.count({ vendor: 'twin', service: 'cis', applied: true }), 1);
    assert.equal(sandbox.ledger.count({ vendor: 'twin', service: 'cis' }), 2);
  });

  it('a POST without a body is replayed without one', async () => {
    const { sandbox } = world();
    await world().call('/twin/iam/api/v1/users/me');
    sandbox.twin.revokeCurrent();
    assert.equal((await world().call('/twin/cis/api/v1/telephony/autoCall/7/play', { method: 'POST' })).status, 200);
    assert.equal(sandbox.ledger.count({ vendor: 'twin', service: 'cis', applied: true }), 1);
  });
});

describe('limits of request bodies', () => {
  const world = freshWorld({
    config: (base) => ({
      ...withRoute('/crm', { maxBody: '2 MiB' })(withRoute('/softline', { maxBody: 1_000 })(base)),
      limits: { bufferedBytes: '3 MiB' },
    }),
  });

  it('maxBody: one byte more is refused with 413, and nothing of it arrives', async () => {
    const { sandbox, proxy } = world();
    await world().call('/crm/v1/licenses');
    const most = await upload(proxy.url, '/crm/v1/sandbox/anything', pieces(2 * MIB), { length: 2 * MIB });
    assert.notEqual(most.status, 413);
    const arrived = sandbox.ledger.count({ kind: 'api' });
    const answer = await upload(proxy.url, '/crm/v1/sandbox/anything', pieces(2 * MIB + 1), { length: 2 * MIB + 1 });
    assert.equal(answer.status, 413);
    assert.equal(ownCode(answer), 'body_too_large');
    assert.equal(sandbox.ledger.count({ kind: 'api' }), arrived);
  });

  it('maxBody: a chunked body is refused when it passes the limit, and never arrives as a whole one', async () => {
    const { sandbox, proxy } = world();
    await world().call('/crm/v1/licenses');
    const answer = await upload(proxy.url, '/crm/v1/sandbox/anything', pieces(2 * MIB + 1));
    assert.equal(answer.status, 413);
    assert.equal(ownCode(answer), 'body_too_large');
    await sandbox.ledger.idle();
    assert.equal(
      sandbox.ledger.count({
        kind: 'api',
        where: ({ target, bodySha256 }) => target.includes('anything') && bodySha256 !== null,
      }),
      0,
    );
  });

  it('maxBody below the replay limit holds for chunked bodies too', async () => {
    const { sandbox, proxy } = world();
    await world().call('/softline/v1/order/77');
    const answer = await upload(proxy.url, '/softline/v1/payment', pieces(1_001, 100 * 251));
    assert.equal(answer.status, 413);
    assert.equal(sandbox.ledger.count({ path: '/v1/payment' }), 0);
    assert.notEqual((await upload(proxy.url, '/softline/v1/payment', pieces(1_000))).status, 413);
  });

  it('a 413 reaches a caller who is still sending', async () => {
    const { proxy } = world();
    for (let i = 0; i < 20; i += 1) {
      const answer = await upload(proxy.url, '/crm/v1/sandbox/anything', pieces(16 * MIB), { length: 16 * MIB });
      assert.equal(answer.status, 413);
    }
  });

  it('and one who sends all before he reads', async () => {
    const { proxy } = world();
    const line = await dial(proxy.url);
    line.socket.pause();
    line.socket.write(`POST /crm/v1/sandbox/anything HTTP/1.1\r\nHost: proxy\r\nContent-Length: ${16 * MIB}\r\n\r\n`);
    for (const piece of pieces(16 * MIB))
      await new Promise<void>((resolve, reject) =>
        line.socket.write(piece, (error) => (error ? reject(error) : resolve())),
      );
    line.socket.resume();
    assert.match(await line.closed(), /^HTTP\/1\.1 413 [\s\S]*body_too_large/);
  });

  it('the sum: beyond limits.bufferedBytes a body streams, is not replayed, and the sum returns to nothing', async () => {
    const { sandbox, proxy } = world();
    await world().call('/twin/iam/api/v1/users/me');
    // Four bodies of a MiB each: three fit.
    sandbox.twin.set({ deadTokenDelayMs: { min: 500, max: 500 } });
    sandbox.twin.revokeCurrent();
    sandbox.ledger.clear();
    const answers = await Promise.all(
      Array.from({ length: 4 }, () =>
        upload(proxy.url, '/twin/notify/api/v1/sandbox/anything', pieces(MIB), { length: MIB }),
      ),
    );
    assert.equal(answers.filter(({ headers }) => headers['x-tokenward-replay'] !== undefined).length, 1);
    assert.equal(sandbox.ledger.count({ vendor: 'twin', kind: 'api' }), 3 + 4);
    assert.equal(sandbox.ledger.count({ vendor: 'twin', kind: 'refresh' }), 1);
    assert.deepEqual(
      [...new Set(sandbox.ledger.entries({ vendor: 'twin', kind: 'api' }).map(({ bodySha256 }) => bodySha256))],
      [patternSha256(MIB)],
    );
    await eventually(
      'the gauge is back at 0',
      async () => (await metric(proxy.operatorUrl, 'tokenward_buffered_bytes')) === 0,
    );
  });

  it('the gauge shows what is kept while a request is under way', async () => {
    const { sandbox, proxy } = world();
    await world().call('/twin/iam/api/v1/users/me');
    sandbox.twin.set({ apiDelayMs: 500 });
    const slow = upload(proxy.url, '/twin/notify/api/v1/messages', pieces(MIB), { length: MIB });
    await eventually(
      'a MiB is kept',
      async () => (await metric(proxy.operatorUrl, 'tokenward_buffered_bytes')) === MIB,
    );
    await slow;
    await eventually(
      'the gauge is back at 0',
      async () => (await metric(proxy.operatorUrl, 'tokenward_buffered_bytes')) === 0,
    );
  });
});
