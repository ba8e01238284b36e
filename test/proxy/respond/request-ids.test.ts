import assert from 'node:assert/strict';
import { call } from '../../support/call.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';
import { dial } from '../../support/wire.ts';
import { freshWorld, headerValues } from '../../support/world.ts';

const MADE = /^[0-9a-f]{12}-[0-9a-z]+$/;

for (const engine of ['fast', 'express'] as const) {
  describe(`a request's id, with the ${engine} engine`, () => {
    const keep = closing();
    const start = async (
      route: object = {},
    ): Promise<{ url: string; seen: readonly { rawHeaders: readonly string[] }[] }> => {
      const upstream = await keep(
        fakeUpstream((request, response) => {
          const own = new URL(request.url!, 'http://upstream').searchParams.get('own');
          if (own !== null) response.setHeader('X-Request-Id', own);
          response.end('fine');
        }),
      );
      const proxy = await keep(
        startCustomProxy({
          listen: { engine },
          routes: [{ prefix: '/a', upstream: upstream.url, account: 'fixed', ...route }],
        }),
      );
      return { url: proxy.url, seen: upstream.seen };
    };

    it("is the client's own, in relayed responses and in ours", async () => {
      const { url, seen } = await start();
      for (const id of ['7d1f0c6e-9b1e-4f7c-8a57-0d6a1f2b3c4d', '01ARZ3NDEKTSV4RRFFQ69G5FAV', 'a:b.c_d=+'])
        for (const target of ['/a/x', '/nowhere', '/a/../x']) {
          const answer = await call(url, target, { headers: { 'X-Request-Id': id } });
          assert.equal(answer.headers['x-request-id'], id);
          if (answer.status !== 200) assert.equal((answer.json() as { requestId: string }).requestId, id);
        }
      // As it came: with ours missing, the vendor gets no field that it did not get before.
      assert.deepEqual(
        seen.map(({ rawHeaders }) => headerValues(rawHeaders, 'x-request-id')),
        [['7d1f0c6e-9b1e-4f7c-8a57-0d6a1f2b3c4d'], ['01ARZ3NDEKTSV4RRFFQ69G5FAV'], ['a:b.c_d=+']],
      );
    });

    it('is a new one if the client sends none, or one that could be read as something else', async () => {
      const { url, seen } = await start();
      const made = new Set<string>();
      for (const id of [undefined, 'a b', 'a"b', '{"a":1}', '-x', 'é', 'x'.repeat(65), '\\u001b[31m', 'a,b', 'a/b']) {
        const { headers } = await call(url, '/a/x', id === undefined ? {} : { headers: { 'X-Request-Id': id } });
        assert.match(String(headers['x-request-id']), MADE, id);
        made.add(String(headers['x-request-id']));
      }
      assert.equal(made.size, 10, 'each request has an id of its own');
      assert.deepEqual(headerValues(seen[0]!.rawHeaders, 'x-request-id'), []);
      const { headers } = await call(url, '/a/x', { headers: { 'X-Request-Id': ['one', 'two'] } });
      assert.match(String(headers['x-request-id']), MADE, 'two ids are none');
    });

    it("leaves the upstream's own where it is, and is then beside it", async () => {
      const { url } = await start();
      const answer = await call(url, '/a/x?own=req_vendor1', { headers: { 'X-Request-Id': 'mine' } });
      assert.deepEqual(headerValues(answer.rawHeaders, 'x-request-id'), ['req_vendor1']);
      assert.equal(answer.headers['x-tokenward-request-id'], 'mine');
      const echoed = await call(url, '/a/x?own=mine', { headers: { 'X-Request-Id': 'mine' } });
      assert.deepEqual(headerValues(echoed.rawHeaders, 'x-request-id'), ['mine']);
      assert.equal(echoed.headers['x-tokenward-request-id'], undefined);
    });

    it('goes upstream where the route says so, in place of what the client sent', async () => {
      const { url, seen } = await start({ requestId: 'add' });
      const made = (await call(url, '/a/x')).headers['x-request-id'];
      await call(url, '/a/x', { headers: { 'X-Request-Id': 'mine' } });
      const replaced = (await call(url, '/a/x', { headers: { 'X-Request-Id': 'not mine' } })).headers['x-request-id'];
      await call(url, '/a/x', { headers: { X_Request_Id: 'look-alike', 'X-Request-Id': 'mine' } });
      assert.deepEqual(
        seen.map(({ rawHeaders }) =>
          rawHeaders.filter((_, index) => /^x.request.id$/i.test(rawHeaders[index - 1] ?? '')),
        ),
        [[made], ['mine'], [replaced], ['mine']],
      );
    });

    it('is there when the request is not HTTP', async () => {
      const { url } = await start();
      const line = await dial(url);
      line.socket.write('GET /a x HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
      const text = await line.closed();
      const [, id] = /^X-Request-Id: (\S+)\r$/im.exec(text) ?? [];
      assert.match(id!, MADE);
      assert.equal((JSON.parse(text.slice(text.indexOf('\r\n\r\n'))) as { requestId: string }).requestId, id);
    });
  });
}

describe('a request that was healed', () => {
  const world = freshWorld();

  it('is named, with its trace, by the line about the renewal that it began', async () => {
    const { sandbox, proxy, call: through } = world();
    await through('/softline/v1/order/7', { headers: { 'x-request-id': 'the-first' } });
    sandbox.softline.revokeCurrent();
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const healed = await through('/softline/v1/order/8', { headers: { 'x-request-id': 'the-healed', traceparent } });
    assert.equal(healed.status, 200);
    assert.equal(healed.headers['x-request-id'], 'the-healed');
    const renewals = proxy.lines
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ message }) => String(message).startsWith('renewed softline'))
      .map(({ cause, request_id, trace_id }) => [cause, request_id, trace_id]);
    assert.deepEqual(renewals, [
      ['first', 'the-first', undefined],
      ['refused', 'the-healed', '4bf92f3577b34da6a3ce929d0e0e4736'],
    ]);
    // Untouched on its way.
    for (const { rawHeaders } of sandbox.ledger.entries({ kind: 'api', where: ({ target }) => target.endsWith('/8') }))
      assert.deepEqual(headerValues(rawHeaders, 'traceparent'), [traceparent]);
  });
});
