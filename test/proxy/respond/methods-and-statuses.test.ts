import assert from 'node:assert/strict';
import { patternBytes } from '../../../src/sandbox/helper-paths.ts';
import { dial } from '../../support/wire.ts';
import { freshWorld, ownCode, VENDORS } from '../../support/world.ts';

describe('methods', () => {
  const world = freshWorld();

  for (const { vendor, helpers } of VENDORS) {
    it(`${vendor}: HEAD has the length and no body, and the connection goes on`, async () => {
      const { proxy } = world();
      const line = await dial(proxy.url);
      line.socket.write(
        `HEAD ${helpers}/bytes/70000 HTTP/1.1\r\nHost: proxy\r\n\r\nGET ${helpers}/bytes/3 HTTP/1.1\r\nHost: proxy\r\nConnection: close\r\n\r\n`,
      );
      const text = await line.closed();
      const [first, second, body] = text.split('\r\n\r\n');
      assert.match(first!, /^HTTP\/1\.1 200 [\s\S]*content-length: 70000/i);
      assert.match(second!, /^HTTP\/1\.1 200 /);
      assert.equal(body, patternBytes(3).toString('latin1'));
    });

    it(`${vendor}: GET, POST, PUT, PATCH, DELETE and OPTIONS arrive as they are, bodies included`, async () => {
      const { sandbox } = world();
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
        for (const body of [undefined, '{"some":"body"}']) {
          const answer = await world().call(`${helpers}/echo`, { method, ...(body !== undefined && { body }) });
          assert.equal(answer.status, 200, method);
          assert.equal(answer.text, body ?? '');
          const entry = sandbox.ledger.last({ vendor, kind: 'api' })!;
          assert.equal(entry.method, method);
          assert.equal(entry.bodyBytes, body?.length ?? 0);
        }
      }
    });
  }

  it('a DELETE with a chunked body is one request at the upstream, whatever is in it', async () => {
    const { sandbox, proxy } = world();
    const line = await dial(proxy.url);
    const smuggled = 'GET /v1/smuggled HTTP/1.1\r\nHost: x\r\n\r\n';
    line.socket.write(
      `DELETE /softline/v1/sandbox/anything HTTP/1.1\r\nHost: proxy\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`,
    );
    await line.closed();
    await world().call('/softline/v1/order/77');
    assert.deepEqual(
      sandbox.ledger.entries({ vendor: 'softline', kind: 'api' }).map(({ method, bodyBytes }) => [method, bodyBytes]),
      [
        ['DELETE', smuggled.length],
        ['GET', 0],
      ],
    );
  });

  it('Expect: 100-continue is answered here, and the body arrives', async () => {
    const { sandbox, proxy } = world();
    const line = await dial(proxy.url);
    line.socket.write(
      'POST /crm/v1/sandbox/echo HTTP/1.1\r\nHost: proxy\r\nExpect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n\r\n',
    );
    await line.until(/^HTTP\/1\.1 100 Continue\r\n\r\n/);
    line.socket.write('hello');
    assert.match(await line.closed(), /HTTP\/1\.1 200 [\s\S]*\r\n\r\nhello$/);
    const { rawHeaders, tokenId } = sandbox.ledger.last({ vendor: 'chatapp', kind: 'api' })!;
    assert.equal(tokenId, 'chatapp#1');
    assert.ok(!rawHeaders.some((name) => name.toLowerCase() === 'expect'));
  });

  it('Expect: 100-continue on a dead token is replayed like any other request', async () => {
    const { sandbox, proxy } = world();
    await world().call('/crm/v1/licenses');
    sandbox.chatapp.revokeCurrent();
    const line = await dial(proxy.url);
    line.socket.write(
      'POST /crm/v1/sandbox/echo HTTP/1.1\r\nHost: proxy\r\nExpect: 100-continue\r\nContent-Length: 5\r\nConnection: close\r\n\r\n',
    );
    await line.until(/100 Continue/);
    line.socket.write('hello');
    assert.match(await line.closed(), /HTTP\/1\.1 200 [\s\S]*hello$/);
    assert.equal(sandbox.ledger.count({ vendor: 'chatapp', kind: 'refresh' }), 1);
  });

  it('methods with other meanings are refused', async () => {
    const { sandbox, proxy } = world();
    for (const method of ['TRACE', 'PURGE', 'PROPFIND']) {
      const answer = await world().call('/softline/v1/order/77', { method });
      assert.equal(ownCode(answer), 'method_refused');
    }
    const line = await dial(proxy.url);
    line.socket.write('CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n');
    assert.doesNotMatch(await line.closed(), /^HTTP\/1\.1 2/);
    assert.equal(sandbox.ledger.count(), 0);
  });
});

describe('statuses', () => {
  const world = freshWorld();

  for (const status of [
    200, 201, 202, 204, 205, 206, 300, 301, 302, 304, 307, 308, 400, 402, 404, 405, 409, 410, 418, 422, 429, 451, 500,
    501, 502, 503, 504, 599,
  ]) {
    it(`${status} comes through with its body, once`, async () => {
      const { sandbox } = world();
      const bodiless = status === 204 || status === 304;
      sandbox.softline.set({
        apiOverride: {
          status,
          reason: 'As They Say',
          headers: { 'x-theirs': 'yes', 'retry-after': '7' },
          ...(bodiless ? {} : { body: `body of ${status}` }),
        },
      });
      const answer = await world().call('/softline/v1/order/77');
      assert.equal(answer.status, status);
      assert.equal(answer.text, bodiless ? '' : `body of ${status}`);
      assert.equal(answer.headers['x-theirs'], 'yes');
      assert.equal(answer.headers['retry-after'], '7');
      assert.equal(answer.headers['x-tokenward-error'], undefined);
      assert.equal(sandbox.ledger.count({ kind: 'api' }), 1);
    });
  }

  it('204 and 304 leave the connection in order for the next request', async () => {
    const { sandbox, proxy } = world();
    const line = await dial(proxy.url);
    for (const status of [204, 304, 204]) {
      sandbox.softline.set({ apiOverride: { status } });
      line.socket.write('GET /softline/v1/order/77 HTTP/1.1\r\nHost: proxy\r\n\r\n');
      const before = line.received().length;
      await line.until(new RegExp(`^[^]{${before}}HTTP/1\\.1 ${status} [^]*\r\n\r\n$`));
    }
    line.socket.destroy();
  });

  it('gzip for the caller stays gzip', async () => {
    const answer = await world().call('/crm/v1/sandbox/gzip', { headers: { 'accept-encoding': 'gzip' } });
    assert.equal(answer.headers['content-encoding'], 'gzip');
    assert.deepEqual([...answer.body.subarray(0, 2)], [0x1f, 0x8b]);
  });

  for (const length of [0, 1, 65_535, 65_536, 65_537, 1_000_003]) {
    it(`a body of ${length} bytes comes through, with a length and chunked`, async () => {
      for (const { helpers } of VENDORS) {
        for (const kind of ['bytes', 'chunked']) {
          const answer = await world().call(`${helpers}/${kind}/${length}`);
          assert.ok(answer.body.equals(patternBytes(length)));
          assert.equal(answer.headers['content-length'], kind === 'bytes' ? String(length) : undefined);
        }
      }
    });
  }
});
