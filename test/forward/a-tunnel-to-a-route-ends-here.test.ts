import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { closing, FIXED_TOKEN } from '../support/custom-proxy.ts';
import { connectThrough, startForwardProxy } from '../support/forward-proxy.ts';
import { recordingServer } from '../support/recording-server.ts';
import { requireTool } from '../support/tools.ts';

const run = promisify(execFile);

describe('a tunnel to the host of a route', () => {
  const close = closing();

  async function start() {
    const vendor = await close(recordingServer(() => ({ body: { ok: true } })));
    const proxy = await close(
      startForwardProxy({ routes: [{ host: 'api.vendor.example', upstream: vendor.url, account: 'fixed' }] }),
    );
    return { vendor, proxy };
  }

  it('carries requests like any other: the token is attached', async function () {
    const curl = requireTool(this, 'curl');
    const { vendor, proxy } = await start();
    const url = 'https://api.vendor.example/v1/chats?x=1';
    const args = ['-sS', '--proxy', proxy.url, '--cacert', proxy.authorityFile, url, url, '-w', '%{http_code}\n'];
    const { stdout } = await run(curl, args);
    assert.match(stdout, /200/);
    assert.deepEqual(
      vendor.seen.map(({ url: target, headers }) => [target, headers.authorization, headers['proxy-connection']]),
      Array.from({ length: 2 }, () => ['/v1/chats?x=1', `Bearer ${FIXED_TOKEN}`, undefined]),
    );
  });

  it('is not had for another host', async () => {
    const { proxy } = await start();
    const { status, headers, body } = await connectThrough(proxy, 'other.example:443');
    assert.deepEqual([status, headers['x-tokenward-error']], [403, 'forward_refused']);
    assert.match(body, /no route has host: other.example, and listen.forward.tunnel does not name other.example/);
  });
});
