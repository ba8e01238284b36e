import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import fc from 'fast-check';
import { call, metric } from '../../support/call.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';

const PREFIXES = ['/softline', '/softline/v2', '/crm', '/CRM', '/a.b', '/a~b-c_d', '/a'];
const piece = fc.constantFrom(
  ...PREFIXES,
  '/',
  '//',
  '/v2',
  '/softlin',
  'e',
  '/Softline',
  '?',
  '?a=/crm',
  ';p',
  '%2f',
  '%41',
  '.',
  '/crm/',
  ':',
  '(',
  '*',
  '+b',
);
const targets = fc.array(piece, { minLength: 1, maxLength: 5 }).map((pieces) => {
  const text = pieces.join('');
  return text.startsWith('/') ? text : `/${text}`;
});

/** How many requests node:http reads at this port meanwhile. */
async function readByNode(port: string, act: () => Promise<void>): Promise<number> {
  let count = 0;
  const onRequest = (message: unknown): void => {
    if (String((message as { socket: Socket }).socket.localPort) === port) count += 1;
  };
  subscribe('http.server.request.start', onRequest);
  await act().finally(() => unsubscribe('http.server.request.start', onRequest));
  return count;
}

describe('the fast engine and Express', () => {
  const close = closing();

  for (const catchAll of [false, true]) {
    it(`find the same route for every target${catchAll ? ', one of them for all that no other takes' : ''}`, async () => {
      const upstream = await close(fakeUpstream());
      const all = catchAll ? [...PREFIXES, '/'] : PREFIXES;
      const routes = all.map((prefix, i) => ({
        prefix,
        upstream: `${upstream.url}/r${i}`,
        account: 'fixed',
        encodedPaths: 'pass',
      }));
      const urls = await Promise.all(
        ['fast', 'express'].map(async (engine) => (await close(startCustomProxy({ listen: { engine }, routes }))).url),
      );
      const routed = async (url: string, target: string): Promise<string> => {
        upstream.seen.length = 0;
        const { status } = await call(url, target);
        return `${status} ${upstream.seen[0]?.target ?? ''}`;
      };
      await fc.assert(
        fc.asyncProperty(targets, async (target) => {
          assert.equal(await routed(urls[1]!, target), await routed(urls[0]!, target), target);
        }),
        { numRuns: 400 },
      );
    });
  }

  it('are named by the metric, and Express alone answers where it is asked to', async () => {
    const upstream = await close(fakeUpstream());
    for (const engine of ['fast', 'express']) {
      const proxy = await close(
        startCustomProxy({
          listen: { engine },
          routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed' }],
        }),
      );
      assert.equal(await metric(proxy.operatorUrl, 'tokenward_build_info', { engine }), 1);
      const read = await readByNode(new URL(proxy.url).port, async () => {
        assert.equal((await call(proxy.url, '/api/a')).status, 200);
        assert.equal((await call(proxy.url, '/nowhere')).status, 404);
      });
      assert.equal(read, engine === 'fast' ? 0 : 2, `requests that node:http has read with listen.engine: ${engine}`);
    }
  });
});
