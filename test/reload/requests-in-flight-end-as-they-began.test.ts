import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { eventually } from '../support/eventually.ts';
import { freshWorld, tokenCalls, withRoute } from '../support/world.ts';
import { reload } from './reload.ts';

/** More than the fast engine waits for. Bytes. */
const LONG = 300_000;

describe('a reload while requests are in flight', () => {
  for (const engine of ['fast', 'express'] as const) {
    describe(`with the engine ${engine}`, () => {
      const listen = { host: '127.0.0.1', port: 0, engine };
      const world = freshWorld({ config: (base) => ({ ...base, listen }) });
      const withEngine = (change: Parameters<typeof reload>[1]) => (base: Parameters<NonNullable<typeof change>>[0]) =>
        change!({ ...base, listen });

      it('a route is removed: what has begun there ends, and the next request gets 404', async () => {
        const { sandbox, call } = world();
        await call('/softline/v1/order/77');
        const slow = call('/softline/v1/sandbox/slow-body?pieces=10&ms=50');
        await eventually('it has arrived', () => sandbox.ledger.count({ vendor: 'softline' }) >= 3);
        await reload(
          world(),
          withEngine((base) => {
            const { softline: _, ...accounts } = base['accounts'] as Record<string, unknown>;
            const routes = (base['routes'] as { prefix: string }[]).filter(({ prefix }) => prefix !== '/softline');
            return { ...base, accounts, routes };
          }),
        );
        assert.equal((await call('/softline/v1/order/77')).status, 404);
        const { status, text } = await slow;
        assert.deepEqual([status, text.split('\n').length], [200, 11]);
        assert.equal((await call('/crm/v1/licenses')).status, 200);
      });

      it('a route is added, and the connections of clients stay', async () => {
        const { sandbox, call } = world();
        assert.equal((await call('/shop/v1/order/77')).status, 404);
        await reload(
          world(),
          withEngine((base) => ({
            ...base,
            routes: [
              ...(base['routes'] as unknown[]),
              { prefix: '/shop', upstream: sandbox.urls.softline, account: 'softline' },
            ],
          })),
        );
        assert.equal((await call('/shop/v1/order/77')).status, 200);
      });

      it('an upload that began before gets the token of its own configuration', async () => {
        const { sandbox, call, proxy } = world();
        await call('/softline/v1/order/77');
        const before = tokenCalls(sandbox, 'softline');
        const { hostname, port } = new URL(proxy.url);
        const upload = request({
          ...{ hostname, port, method: 'POST', path: '/softline/v1/payment' },
          headers: { 'content-type': 'application/json', 'content-length': 2 * LONG },
        });
        const responded = once(upload, 'response') as Promise<[IncomingMessage]>;
        upload.write(Buffer.alloc(LONG, ' '));
        await eventually('it is in flight', () => proxy.app.metrics.route('/softline').inFlight === 1);
        await reload(
          world(),
          withEngine((base) => withRoute('/softline', { upstream: 'http://127.0.0.1:9' })(base)),
        );
        upload.end(Buffer.alloc(LONG, ' '));
        const [response] = await responded;
        response.resume();
        assert.ok(response.statusCode! < 500, String(response.statusCode));
        assert.equal(sandbox.ledger.count({ vendor: 'softline', where: ({ kind }) => kind === 'api' }), 2);
        assert.equal((await call('/softline/v1/order/77')).status, 502);
        assert.equal(tokenCalls(sandbox, 'softline'), before);
      });
    });
  }
});
