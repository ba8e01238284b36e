import assert from 'node:assert/strict';
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import { chatapp, freshSandbox, softline, twin } from './client.ts';

describe('sandbox: how "token dead" is said', () => {
  const sandbox = freshSandbox();

  it('on chatapp: 403 by default, or any status that is set', async () => {
    for (const status of [403, 401, 400, 200]) {
      if (status !== 403) sandbox().chatapp.set({ deadTokenStatus: status });
      const response = await chatapp.get(sandbox(), 'dead');
      assert.equal(response.status, status);
      assert.equal(
        response.text,
        '{"success":false,"error":{"code":"ApiInvalidTokenError","message":"Invalid Token"}}',
      );
    }
  });

  const decoders = { gzip: gunzipSync, br: brotliDecompressSync, deflate: inflateSync } as const;
  for (const encoding of ['gzip', 'br', 'deflate'] as const) {
    it(`compressed with ${encoding}`, async () => {
      const body = { error: { code: 'ApiInvalidTokenError' } };
      sandbox().chatapp.set({ deadTokenAnswer: { status: 403, body, encoding } });
      const response = await chatapp.get(sandbox(), 'dead');
      assert.equal(response.headers['content-encoding'], encoding);
      assert.match(decoders[encoding](response.bytes).toString(), /ApiInvalidTokenError/);
    });
  }

  it('with a response of your own', async () => {
    sandbox().softline.set({
      deadTokenAnswer: {
        status: 401,
        headers: { 'x-odd': '1' },
        bodyBase64: Buffer.from('\ufeff{}').toString('base64'),
        chunkBytes: 2,
      },
    });
    const response = await softline.get(sandbox(), 'dead');
    assert.deepEqual(
      [response.status, response.headers['x-odd'], response.headers['transfer-encoding']],
      [401, '1', 'chunked'],
    );
    assert.deepEqual([...response.bytes], [0xef, 0xbb, 0xbf, 0x7b, 0x7d]);
    const { accessToken } = sandbox().softline.issueToken();
    assert.equal((await softline.get(sandbox(), accessToken)).status, 200);
  });

  it('after a random delay', async () => {
    sandbox().twin.set({ deadTokenDelayMs: { min: 60, max: 120 } });
    const started = Date.now();
    const response = await twin.get(sandbox(), 'dead');
    const took = Date.now() - started;
    assert.equal(response.status, 401);
    assert.ok(took >= 55 && took < 1_000, `${took} ms`);
  });

  it('whatever the token, with alwaysDead', async () => {
    const { accessToken } = sandbox().chatapp.issueToken();
    sandbox().chatapp.set({ alwaysDead: true });
    assert.equal((await chatapp.get(sandbox(), accessToken)).status, 403);
    sandbox().chatapp.set({ alwaysDead: false });
    assert.equal((await chatapp.get(sandbox(), accessToken)).status, 200);
  });
});
