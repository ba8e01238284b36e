import assert from 'node:assert/strict';
import { call } from '../../support/call.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';
import { ownCode } from '../../support/world.ts';

describe('a status that HTTP does not know', () => {
  const close = closing();

  async function asked(status: number, method = 'GET') {
    const upstream = await close(
      fakeUpstream((_request, response) => response.writeHead(status, 'Odd', { 'content-length': 2 }).end('ok')),
    );
    const proxy = await close(
      startCustomProxy({ routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed' }] }),
    );
    return { upstream, answer: await call(proxy.url, '/api/a', { method }) };
  }

  for (const status of [600, 700, 999]) {
    it(`${status}: is a 502 that says so, and the call is not sent again`, async () => {
      for (const method of ['GET', 'POST']) {
        const { upstream, answer } = await asked(status, method);
        assert.deepEqual([answer.status, ownCode(answer)], [502, 'upstream_broken']);
        assert.match((answer.json() as { detail: string }).detail, /a status beyond 599/);
        assert.equal(upstream.seen.length, 1, method);
      }
    });
  }

  it('the last one it knows passes, and so does one without a meaning', async () => {
    for (const status of [599, 299, 420]) assert.equal((await asked(status)).answer.status, status);
  });
});
