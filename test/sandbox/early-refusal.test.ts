import assert from 'node:assert/strict';
import http from 'node:http';
import { freshSandbox } from './client.ts';

describe('sandbox: earlyRefusal', () => {
  const sandbox = freshSandbox();

  function upload(): { req: http.ClientRequest; status: Promise<number> } {
    const req = http.request(`${sandbox().urls.twin.cis}/api/v1/anything`, {
      method: 'POST',
      agent: false,
      headers: { Authorization: 'Bearer dead', 'content-length': '4' },
    });
    const status = new Promise<number>((resolve, reject) => {
      req.on('response', (res) => {
        res.resume();
        resolve(res.statusCode ?? 0);
      });
      req.on('error', reject);
    });
    req.write('ab');
    return { req, status };
  }

  it('refuses before the body is complete', async () => {
    sandbox().twin.set({ earlyRefusal: true });
    const { req, status } = upload();
    assert.equal(await status, 401);
    req.end('cd');
    await sandbox().ledger.idle();
    const entry = sandbox().ledger.last();
    assert.deepEqual([entry?.outcome, entry?.applied], ['dead-token', false]);
  });

  it('is off by default: the whole body is read first', async () => {
    const { req, status } = upload();
    const early = await Promise.race([status, new Promise((resolve) => setTimeout(resolve, 100, 'waiting'))]);
    assert.equal(early, 'waiting');
    req.end('cd');
    assert.equal(await status, 401);
    assert.equal(sandbox().ledger.last()?.bodyBytes, 4);
  });
});
