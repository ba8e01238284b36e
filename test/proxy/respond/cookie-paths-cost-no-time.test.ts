import assert from 'node:assert/strict';
import { clientCookie } from '../../../src/proxy/set-cookie.ts';

describe('the Path of a cookie', () => {
  const context = { prefix: '/api', basePath: '', secure: true, target: '/api/a' };

  it('is read in time in proportion to its length', () => {
    const before = process.cpuUsage();
    for (let times = 0; times < 10; times += 1)
      assert.ok(clientCookie(`a=b; Path=${'/'.repeat(60_000)}x`, context)?.endsWith('/x'));
    assert.ok(process.cpuUsage(before).user < 2_000_000);
  });

  it('may end in slashes', () => {
    assert.equal(clientCookie('a=b; Path=/v2//', { ...context, basePath: '/v2/x' }), 'a=b; Path=/api');
    assert.equal(clientCookie('a=b; Path=//', context), 'a=b; Path=/api');
  });
});
