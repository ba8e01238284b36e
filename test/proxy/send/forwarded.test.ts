import assert from 'node:assert/strict';
import { call } from '../../support/call.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';

const SPOOFED = {
  Forwarded: 'for=10.0.0.1;host=evil.example',
  'X-Forwarded-For': '10.0.0.1',
  'X-Forwarded-Host': 'evil.example',
  'X-Forwarded-Proto': 'gopher',
  'X-Forwarded-Port': '1',
  'X-Forwarded-Prefix': '/evil',
  'X-Forwarded-Server': 'evil',
  'X-Forwarded-Scheme': 'gopher',
  'X-Forwarded-Ssl': 'on',
  'X-Forwarded': 'x',
  'X-Real-IP': '10.0.0.1',
  X_Forwarded_For: '10.0.0.2',
  'x-forwarded_host': 'evil2.example',
  X_REAL_IP: '10.0.0.2',
};

describe('what a caller says of where a request comes from', () => {
  const close = closing();

  async function arrived(mode?: string): Promise<Map<string, string>> {
    const upstream = await close(fakeUpstream());
    const proxy = await close(
      startCustomProxy({
        routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed', ...(mode && { forwarded: mode }) }],
      }),
    );
    assert.equal(
      (
        await call(proxy.url, '/api/a', {
          headers: { ...SPOOFED, host: 'shop.internal:8080', 'X-Kept': 'yes' },
          from: '127.0.0.3',
        })
      ).status,
      200,
    );
    const { rawHeaders } = upstream.seen[0]!;
    const found = new Map<string, string>();
    for (let i = 0; i < rawHeaders.length; i += 2)
      if (/forward|real.?ip|kept/i.test(rawHeaders[i]!)) found.set(rawHeaders[i]!, rawHeaders[i + 1]!);
    assert.equal(
      rawHeaders[rawHeaders.findIndex((name) => name.toLowerCase() === 'host') + 1],
      new URL(upstream.url).host,
    );
    return found;
  }

  it('is dropped', async () => {
    assert.deepEqual([...(await arrived())], [['X-Kept', 'yes']]);
  });

  it('passes as it is on a route that says so', async () => {
    assert.deepEqual(Object.fromEntries(await arrived('pass')), { ...SPOOFED, 'X-Kept': 'yes' });
  });

  it('is replaced by what we know ourselves on a route that says so', async () => {
    assert.deepEqual(Object.fromEntries(await arrived('add')), {
      'X-Kept': 'yes',
      'x-forwarded-for': '127.0.0.3',
      'x-forwarded-host': 'shop.internal:8080',
      'x-forwarded-proto': 'http',
    });
  });
});
