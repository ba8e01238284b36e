import assert from 'node:assert/strict';
import { call, type Answer } from '../../support/call.ts';
import { FakeClock } from '../../support/clock.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { fakeUpstream, type FakeUpstream } from '../../support/fake-upstream.ts';
import { pieces, upload } from '../../support/upload.ts';

const MIB = 1024 * 1024;
const LIFE = 6;

/**
 * A token endpoint and an API that judges a token when it has read the whole request. Tokens are `t1`, `t2` and so on.
 */
class Upstream {
  readonly clock = new FakeClock();
  readonly #ends = new Map<string, number>();
  server!: FakeUpstream;

  async start(): Promise<this> {
    this.server = await fakeUpstream((request, response) => {
      if (request.url === '/token') {
        const token = `t${this.#ends.size + 1}`;
        this.#ends.set(token, this.clock.wall() + LIFE * 1000);
        response
          .writeHead(200, { 'content-type': 'application/json' })
          .end(JSON.stringify({ access_token: token, expires_in: LIFE }));
        return;
      }
      const good =
        this.clock.wall() < (this.#ends.get((request.headers.authorization ?? '').slice('Bearer '.length)) ?? 0);
      response.writeHead(good ? 200 : 401).end();
    });
    return this;
  }

  close(): Promise<void> {
    return this.server.close();
  }

  /** The tokens that the API's requests came with. */
  used(): string[] {
    return this.server.seen
      .filter(({ target }) => target !== '/token')
      .map(({ rawHeaders }) =>
        rawHeaders[rawHeaders.findIndex((name) => name.toLowerCase() === 'authorization') + 1]!.slice('Bearer '.length),
      );
  }
}

describe('a request that can be sent once only, when the token is about to end', () => {
  const close = closing();

  async function stage(route: object = {}): Promise<{ upstream: Upstream; url: string }> {
    const upstream = await close(new Upstream().start());
    const { url } = upstream.server;
    const proxy = await close(
      startCustomProxy(
        {
          accounts: { partner: { flow: 'oauth2', credentials: { tokenUrl: `${url}/token`, clientId: 'id' } } },
          routes: [{ prefix: '/api', upstream: url, account: 'partner', ...route }],
        },
        { clock: upstream.clock },
      ),
    );
    assert.equal((await call(proxy.url, '/api/a')).status, 200);
    return { upstream, url: proxy.url };
  }

  /** An upload in the middle of which so much time goes by. */
  function slowly(upstream: Upstream, url: string, ms: number): Promise<Answer> {
    function* body(): Generator<Buffer> {
      yield* pieces(2 * MIB);
      upstream.clock.pass(ms);
      yield* pieces(1 * MIB);
    }
    return upload(url, '/api/upload', body());
  }

  it('an upload that is too large to keep leaves with a new one', async () => {
    const { upstream, url } = await stage();
    upstream.clock.pass(5_400);
    const answer = await slowly(upstream, url, 2_000);
    assert.deepEqual(
      [answer.status, answer.headers['x-tokenward-replay'], upstream.used()],
      [200, undefined, ['t1', 't2']],
    );
  });

  it('so does every request of a route that does not replay', async () => {
    const { upstream, url } = await stage({ replay: false });
    upstream.clock.pass(5_400);
    assert.deepEqual(
      [(await call(url, '/api/a', { method: 'POST', body: 'x' })).status, upstream.used()],
      [200, ['t1', 't2']],
    );
  });

  it('so does a body that is kept nowhere because maxReplayBody is 0', async () => {
    const { upstream, url } = await stage({ maxReplayBody: 0 });
    upstream.clock.pass(5_400);
    assert.deepEqual(
      [(await call(url, '/api/a', { method: 'POST', body: 'x' })).status, upstream.used()],
      [200, ['t1', 't2']],
    );
  });

  it('early in its life the token is good enough', async () => {
    const { upstream, url } = await stage();
    assert.equal((await slowly(upstream, url, 1_000)).status, 200);
    assert.deepEqual(upstream.used(), ['t1', 't1']);
  });
});
