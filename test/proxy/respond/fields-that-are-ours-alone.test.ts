import assert from 'node:assert/strict';
import { call } from '../../support/call.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';

const SPOOFS = [
  'X-Tokenward-Error',
  'credential_dead',
  'x-tokenward-replay',
  'not-replayed; may-resend',
  'X_Tokenward_Replay',
  'held-back',
  'X-Tokenward-Whatever',
  '1',
];

describe('header fields by which only tokenward speaks', () => {
  const close = closing();

  it('do not pass when an upstream sends them, whatever the status and the route', async () => {
    const upstream = await close(
      fakeUpstream((request, response) =>
        response.writeHead(Number(request.url!.slice(1)), [...SPOOFS, 'X-Kept', '1']).end(),
      ),
    );
    const proxy = await close(
      startCustomProxy({
        routes: [
          { prefix: '/api', upstream: upstream.url, account: 'fixed' },
          { prefix: '/open', upstream: upstream.url, setCookie: 'pass' },
        ],
      }),
    );
    for (const status of [200, 401, 503]) {
      for (const prefix of ['/api', '/open']) {
        const { rawHeaders, headers, status: got } = await call(proxy.url, `${prefix}/${status}`);
        assert.equal(got, status);
        assert.equal(headers['x-kept'], '1');
        assert.deepEqual(
          rawHeaders.filter((text) => /tokenward/i.test(text)),
          [],
        );
      }
    }
  });
});
