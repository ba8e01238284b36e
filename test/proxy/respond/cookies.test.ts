import assert from 'node:assert/strict';
import { call } from '../../support/call.ts';
import { FIXED_TOKEN, closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';
import { headerValues } from '../../support/world.ts';

describe("an upstream's cookies", () => {
  const close = closing();

  async function answered(route: object): Promise<readonly string[]> {
    const upstream = await close(
      fakeUpstream((_request, response) =>
        response
          .writeHead(200, [
            'Set-Cookie',
            'a=1; HttpOnly',
            'set-cookie',
            'b=2',
            'Set-Cookie2',
            'c=3',
            'Set_Cookie',
            'd=4',
            'Set-Cookie',
            `e=${FIXED_TOKEN}`,
          ])
          .end(),
      ),
    );
    const proxy = await close(
      startCustomProxy({ routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed', ...route }] }),
    );
    const { rawHeaders } = await call(proxy.url, '/api/a');
    return rawHeaders.filter((_, index) => /^set.?cookie/i.test(rawHeaders[index - (index % 2)]!));
  }

  it('stay here', async () => {
    assert.deepEqual(await answered({}), []);
  });

  it('pass on a route that says so, but for one that holds the token', async () => {
    assert.deepEqual(await answered({ setCookie: 'pass' }), [
      'Set-Cookie',
      'a=1; HttpOnly',
      'set-cookie',
      'b=2',
      'Set-Cookie2',
      'c=3',
      'Set_Cookie',
      'd=4',
    ]);
  });
});

describe('a token that travels as a cookie or in the query', () => {
  const close = closing();

  it("takes the place of the caller's own of that name; his others go with it", async () => {
    const upstream = await close(fakeUpstream());
    const proxy = await close(
      startCustomProxy({
        accounts: { own: { flow: 'static', credentials: { token: 'ours/1' }, attach: { cookie: 'session' } } },
        routes: [{ prefix: '/api', upstream: upstream.url, account: 'own' }],
      }),
    );
    for (const cookie of ['a=1; session=his; b=2', 'a=1;session=his;b=2', 'session=his; a=1; session =his; b=2'])
      await call(proxy.url, '/api/x', { headers: { cookie } });
    await call(proxy.url, '/api/x', { headers: { cookie: 'session=his' } });
    await call(proxy.url, '/api/x');
    assert.deepEqual(
      upstream.seen.map(({ rawHeaders }) => headerValues(rawHeaders, 'cookie')),
      [...Array.from({ length: 3 }, () => ['a=1; b=2; session=ours/1']), ['session=ours/1'], ['session=ours/1']],
    );
  });

  it('in the query likewise, in whatever spelling', async () => {
    const upstream = await close(fakeUpstream());
    const proxy = await close(
      startCustomProxy({
        accounts: { own: { flow: 'static', credentials: { token: 'ours/1' }, attach: { query: 'key' } } },
        routes: [{ prefix: '/api', upstream: upstream.url, account: 'own' }],
      }),
    );
    for (const query of [
      '',
      '?',
      '?a=%2f&b',
      '?key=his',
      '?a=1&key=his&b=2&KEY=his&%6bey=his&key',
      '?monkey=1&keys=2&a=key',
    ])
      assert.equal((await call(proxy.url, `/api/x${query}`)).status, 200);
    assert.deepEqual(
      upstream.seen.map(({ target }) => target),
      [
        '/x?key=ours%2F1',
        '/x?&key=ours%2F1',
        '/x?a=%2f&b&key=ours%2F1',
        '/x?key=ours%2F1',
        '/x?a=1&b=2&key=ours%2F1',
        '/x?monkey=1&keys=2&a=key&key=ours%2F1',
      ],
    );
  });
});
