import assert from 'node:assert/strict';
import { join } from 'node:path';
import { freshFolder, writeConfig } from '../support/files.ts';
import { run } from '../support/process.ts';
import { requireBuild } from '../support/tools.ts';

const KEY = Buffer.alloc(32, 3).toString('base64');

describe('the start of a forward proxy', function () {
  this.timeout(60_000);
  const folder = freshFolder();
  before(function () {
    requireBuild(this);
  });

  const config = (...hosts: string[]): string =>
    writeConfig(
      folder(),
      {
        listen: { port: 0, forward: true },
        operator: { port: 0 },
        store: { type: 'embedded', path: join(folder(), 'store'), key: KEY },
        accounts: { a: { flow: 'static', credentials: { token: 'x' } } },
        routes: hosts.map((host) => ({ host, upstream: 'https://u.example', account: 'a' })),
      },
      `${hosts.length}.yaml`,
    );

  it('fails without an authority, and with one that may not sign for a host, each with the way out', async () => {
    const none = await run(['serve', '-c', config('a.example')]);
    assert.equal(none.code, 1);
    assert.match(none.stderr, /listen\.forward needs an authority .* tokenward ca make/);
    assert.equal((await run(['ca', 'make', '-c', config('a.example')])).code, 0);
    const lacking = await run(['serve', '-c', config('a.example', 'b.example')]);
    assert.equal(lacking.code, 1);
    assert.match(lacking.stderr, /may not sign for b\.example, .* tokenward ca renew/);
  });

  it('is refused where nothing could be served, by the configuration check', async () => {
    const withoutHosts = writeConfig(
      folder(),
      {
        listen: { forward: true },
        store: { type: 'embedded', path: join(folder(), 'store') },
        accounts: { a: { flow: 'static', credentials: { token: 'x' } } },
        routes: [{ prefix: '/a', upstream: 'https://u.example', account: 'a' }],
      },
      'without.yaml',
    );
    const { code, stderr } = await run(['check', '-c', withoutHosts]);
    assert.equal(code, 2);
    assert.match(stderr, /listen\.forward: has nothing to serve/);
  });
});
