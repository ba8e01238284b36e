import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { X509Certificate } from 'node:crypto';
import { freshFolder, writeConfig } from '../../support/files.ts';
import { run } from '../../support/process.ts';
import { requireBuild } from '../../support/tools.ts';

describe('tokenward env', function () {
  this.timeout(60_000);
  const folder = freshFolder();
  before(function () {
    requireBuild(this);
  });

  const config = (change: object = {}): string =>
    writeConfig(folder(), {
      listen: { forward: true },
      store: { type: 'embedded', path: join(folder(), 'store'), key: Buffer.alloc(32, 3).toString('base64') },
      accounts: { a: { flow: 'static', credentials: { token: 'x' } } },
      routes: [{ host: 'a.example', upstream: 'https://a.example', account: 'a' }],
      ...change,
    });
  const env = (file: string, ...args: string[]) =>
    run(['env', '-c', file, '-o', join(folder(), 'bundle.pem'), ...args]);

  it('prints where the proxy is and whom to trust, in three forms, without the key', async () => {
    const callers = [{ name: 'billing', key: `sha256:${'0'.repeat(64)}` }];
    const file = config({ callers });
    assert.equal((await run(['ca', 'make', '-c', file])).code, 0);
    const forms = { shell: 'export ', docker: 'ENV ', systemd: 'Environment="' };
    for (const [format, begins] of Object.entries(forms)) {
      const { code, stdout, stderr } = await env(
        file,
        '--caller',
        'billing',
        '--proxy',
        'tokenward:8080',
        '--format',
        format,
      );
      assert.equal(code, 0, stderr);
      const lines = stdout.trim().split('\n');
      assert.ok(lines.every((line) => line.startsWith(begins)));
      assert.ok(
        lines.some(
          (line) => line.includes('HTTPS_PROXY') && line.includes('http://billing:${TOKENWARD_KEY}@tokenward:8080'),
        ),
      );
    }
    const own = readFileSync(join(folder(), 'bundle-authority.pem'), 'utf8');
    assert.match(new X509Certificate(own).subject, /tokenward authority/);
    assert.ok(readFileSync(join(folder(), 'bundle.pem'), 'utf8').endsWith(own));
  });

  it('says what is missing: an authority, a caller, a forward proxy, its place', async () => {
    const cases: [object, string[], RegExp][] = [
      [{}, [], /There is no authority yet.*tokenward ca make/],
      [{ listen: { port: 1 } }, [], /no listen\.forward/],
      [{ listen: { forward: true, port: 0 } }, [], /--proxy HOST:PORT/],
      [{}, ['--proxy', 'https://x/y'], /--proxy must be HOST:PORT/],
      [{}, ['--format', 'ini'], /--format must be one of shell, docker, systemd/],
    ];
    for (const [change, args, expected] of cases) {
      const { code, stderr } = await env(config(change), ...args);
      assert.notEqual(code, 0);
      assert.match(stderr, expected);
    }
  });
});
