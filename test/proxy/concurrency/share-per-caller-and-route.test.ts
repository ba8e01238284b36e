import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { keyDigest } from '../../../src/proxy/caller.ts';
import { call, metric } from '../../support/call.ts';
import { eventually } from '../../support/eventually.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';
import { ownCode } from '../../support/world.ts';

const KEYS = { greedy: 'kEy-of-greedy-31', modest: 'kEy-of-modest-32' };
const by = (who: keyof typeof KEYS): { headers: Record<string, string> } => ({
  headers: { 'x-tokenward-key': KEYS[who] },
});

describe('what is answered at once', () => {
  const close = closing();

  async function stage(config: Parameters<typeof startCustomProxy>[0]) {
    const held: ServerResponse[] = [];
    const upstream = await close(
      fakeUpstream((request, response) => void (request.url === '/hold' ? held.push(response) : response.end('fine'))),
    );
    const proxy = await close(
      startCustomProxy({
        routes: ['/api', '/other'].map((prefix) => ({ prefix, upstream: upstream.url, account: 'fixed' })),
        ...config,
      }),
    );
    return { held, proxy };
  }
  const callers = Object.entries(KEYS).map(([name, key]) => ({ name, key: keyDigest(key) }));

  it("is one caller's to half of it: the others go on, and metrics count by caller", async () => {
    const { held, proxy } = await stage({ callers, limits: { inFlight: 8, inFlightPerRoute: 8 } });
    const going = Array.from({ length: 4 }, () => call(proxy.url, '/api/hold', by('greedy')));
    await eventually('half is taken', () => held.length === 4);
    for (const path of ['/api/more', '/other/more']) {
      const refused = await call(proxy.url, path, by('greedy'));
      assert.deepEqual(
        [refused.status, ownCode(refused), refused.headers['retry-after']],
        [503, 'too_many_requests', '1'],
      );
      assert.match(refused.body.toString(), /caller greedy.*inFlightPerCaller/);
      assert.equal((await call(proxy.url, path, by('modest'))).status, 200);
    }
    assert.deepEqual(
      await Promise.all(
        Object.keys(KEYS).map((caller) => metric(proxy.operatorUrl, 'tokenward_caller_requests_in_flight', { caller })),
      ),
      [4, 0],
    );
    assert.equal(
      await metric(proxy.operatorUrl, 'tokenward_caller_requests_total', { caller: 'greedy', outcome: 'refused' }),
      2,
    );
    assert.equal(
      await metric(proxy.operatorUrl, 'tokenward_caller_requests_total', { caller: 'modest', outcome: 'admitted' }),
      2,
    );
    for (const response of held.splice(0)) response.end('fine');
    await Promise.all(going);
    assert.equal((await call(proxy.url, '/api/more', by('greedy'))).status, 200);
  });

  it("is one route's to half of it: a slow upstream does not shut out the calls to others", async () => {
    const { held, proxy } = await stage({ limits: { inFlight: 8 } });
    const going = Array.from({ length: 4 }, () => call(proxy.url, '/api/hold'));
    await eventually('half is taken', () => held.length === 4);
    const refused = await call(proxy.url, '/api/more');
    assert.deepEqual([refused.status, ownCode(refused)], [503, 'too_many_requests']);
    assert.match(refused.body.toString(), /route \/api.*inFlightPerRoute/);
    assert.equal((await call(proxy.url, '/other/more')).status, 200);
    for (const response of held.splice(0)) response.end('fine');
    await Promise.all(going);
    assert.equal((await call(proxy.url, '/api/more')).status, 200);
  });

  it('is as the configuration says', async () => {
    const { held, proxy } = await stage({
      callers,
      limits: { inFlight: 8, inFlightPerRoute: 3, inFlightPerCaller: 2 },
    });
    const going = [
      call(proxy.url, '/api/hold', by('greedy')),
      call(proxy.url, '/api/hold', by('greedy')),
      call(proxy.url, '/api/hold', by('modest')),
    ];
    await eventually('three are under way', () => held.length === 3);
    assert.match((await call(proxy.url, '/other/more', by('greedy'))).body.toString(), /inFlightPerCaller/);
    assert.match((await call(proxy.url, '/api/more', by('modest'))).body.toString(), /inFlightPerRoute/);
    assert.equal((await call(proxy.url, '/other/more', by('modest'))).status, 200);
    for (const response of held.splice(0)) response.end('fine');
    await Promise.all(going);
  });

  it('is all of it for the only caller and the only route', async () => {
    const { held, proxy } = await stage({
      callers: [callers[0]!],
      limits: { inFlight: 3 },
      routes: [
        {
          prefix: '/api',
          upstream: (await close(fakeUpstream((_request, response) => void held.push(response)))).url,
          account: 'fixed',
        },
      ],
    });
    const going = Array.from({ length: 3 }, () => call(proxy.url, '/api/hold', by('greedy')));
    await eventually('all is taken', () => held.length === 3);
    assert.match((await call(proxy.url, '/api/more', by('greedy'))).body.toString(), /the limit is limits\.inFlight/);
    for (const response of held.splice(0)) response.end('fine');
    await Promise.all(going);
  });
});
