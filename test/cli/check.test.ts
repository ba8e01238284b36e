import assert from 'node:assert/strict';
import { join } from 'node:path';
import { existsSync } from 'node:fs';
import { smallest } from '../support/config.ts';
import { freshFolder, writeConfig } from '../support/files.ts';
import { run } from '../support/process.ts';
import { requireBuild } from '../support/tools.ts';

describe('tokenward check', () => {
  const folder = freshFolder();

  it('says what a good configuration would do, and does none of it', async function () {
    requireBuild(this);
    const file = writeConfig(
      folder(),
      `${smallest({ top: `store: { type: embedded, path: ${folder()}/store }`, credentials: 'token: "${KEY}"' })}\n  - { prefix: /open/data, upstream: https://open.example }`,
    );
    const { code, stdout, stderr } = await run(['check', '-c', file], { env: { KEY: 'hunter2' } });
    assert.deepEqual([code, stderr], [0, '']);
    assert.equal(
      stdout,
      `${file} is fine.\n  /shop       ->  https://shop.example  as shop (static)\n  /open/data  ->  https://open.example  (no token)\n`,
    );
    assert.ok(!existsSync(join(folder(), 'store')));
  });

  it('names every mistake of a bad one, and ends with 2', async function () {
    requireBuild(this);
    const file = writeConfig(folder(), smallest({ credentials: 'token: "${MISSING}"', route: 'replay: maybe' }));
    const { code, stdout, stderr } = await run(['check', '-c', file]);
    assert.deepEqual([code, stdout], [2, '']);
    assert.equal(
      stderr,
      [
        `tokenward: ${file}: 2 errors`,
        `${file}:2:47: accounts.shop.credentials.token: the environment variable MISSING is not set`,
        '  2 |   shop: { flow: static, credentials: { token: "${MISSING}" } }',
        '    |                                               ^^^^^^^^^^^^',
        `${file}:4:77: routes[0].replay (/shop): must be true or false`,
        '  4 |   - { prefix: /shop, upstream: https://shop.example, account: shop, replay: *** }',
        '    |                                                                             ^^^',
        '',
      ].join('\n'),
    );
  });

  it('takes the file from -c, --config, TOKENWARD_CONFIG, or proxy.config.yaml where it is run', async function () {
    requireBuild(this);
    const file = writeConfig(folder(), smallest({}));
    const other = writeConfig(folder(), 'none: 1', 'other.yaml');
    const runs = await Promise.all([
      run(['check', '-c', file]),
      run(['check', `--config=${file}`]),
      run(['check'], { env: { TOKENWARD_CONFIG: file } }),
      run(['check'], { cwd: folder() }),
      run(['check', '-c', file], { env: { TOKENWARD_CONFIG: other } }),
      run(['check'], { cwd: folder(), env: { TOKENWARD_CONFIG: other } }),
    ]);
    assert.deepEqual(
      runs.map(({ code }) => code),
      [0, 0, 0, 0, 0, 2],
    );
  });

  it('says so if there is no file', async function () {
    requireBuild(this);
    const { code, stderr } = await run(['check'], { cwd: folder() });
    assert.deepEqual(
      [code, stderr],
      [2, 'tokenward: proxy.config.yaml: there is no such file; tokenward init writes one, or name one with -c FILE\n'],
    );
  });

  it('finds a store key that cannot work', async function () {
    requireBuild(this);
    const file = writeConfig(folder(), smallest({ top: 'store: { type: embedded, key: "${STORE_KEY}" }' }));
    const { code, stderr } = await run(['check', '-c', file], { env: { STORE_KEY: 'too-short' } });
    assert.equal(code, 2);
    assert.match(
      stderr,
      /store\.key: must be 32 random bytes, as 64 hex digits or base64; make one with: openssl rand -base64 32/,
    );
  });
});
