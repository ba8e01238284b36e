import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { freshFolder, writeConfig } from '../support/files.ts';
import { run as runProgram } from '../support/process.ts';
import { requireBuild } from '../support/tools.ts';

/** Without the log's lines: what the program says itself. */
const run: typeof runProgram = async (...given) => {
  const finished = await runProgram(...given);
  return {
    ...finished,
    stderr: finished.stderr
      .split('\n')
      .filter((line) => !line.startsWith('{'))
      .join('\n'),
  };
};

describe('tokenward serve with several workers that cannot start', () => {
  const folder = freshFolder();
  const config = (change: Record<string, unknown> = {}): string =>
    writeConfig(folder(), {
      workers: 2,
      listen: { port: 0 },
      operator: { port: 0 },
      store: { type: 'embedded', path: join(folder(), 'store') },
      accounts: { shop: { flow: 'static', credentials: { token: 'secret' } } },
      routes: [{ prefix: '/shop', upstream: 'http://127.0.0.1:1', account: 'shop' }],
      ...change,
    });

  for (const which of ['listen', 'operator'] as const) {
    it(`because the port of ${which} is in use says what a single process says, once, and ends with 1`, async function () {
      requireBuild(this);
      const occupant = createServer().listen(0, '127.0.0.1');
      await once(occupant, 'listening');
      const { port } = occupant.address() as AddressInfo;
      try {
        const { code, stdout, stderr } = await run(['serve', '-c', config({ [which]: { host: '127.0.0.1', port } })]);
        const said = stderr.split('\n').filter((line) => !line.startsWith('{'));
        assert.deepEqual(
          [code, stdout, said],
          [
            1,
            '',
            [
              `tokenward: Cannot listen on 127.0.0.1:${port} (${which === 'listen' ? 'proxy' : 'operator'}): the port is in use; stop the other program or choose another port.`,
              '',
            ],
          ],
        );
      } finally {
        occupant.close();
      }
    });
  }

  it('because its store lies below a file says so once, and ends with 1', async function () {
    requireBuild(this);
    writeFileSync(join(folder(), 'file'), 'content');
    const { code, stderr } = await run([
      'serve',
      '-c',
      config({ store: { type: 'embedded', path: join(folder(), 'file', 'store') } }),
    ]);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^tokenward: The store folder \S+\/file\/store cannot be made: .*ENOTDIR.*\. Set store\.path to a folder this user may write\.\n$/,
    );
  });

  it('because of a mistake in the configuration ends with 2 and starts none', async function () {
    requireBuild(this);
    const { code, stderr } = await run(['serve', '-c', config({ workers: 0 })]);
    const file = join(folder(), 'proxy.config.yaml');
    assert.deepEqual(
      [code, stderr.split('\n').slice(0, 2)],
      [
        2,
        [`tokenward: ${file}: 1 error`, `${file}:1:12: workers: must be auto, or a number of processes from 1 to 256`],
      ],
    );
    assert.ok(!existsSync(join(folder(), 'store')));
  });

  it('because the proxy of the environment is none says so, and ends with 2', async function () {
    requireBuild(this);
    const { code, stderr } = await run(
      ['serve', '-c', config({ routes: [{ prefix: '/shop', upstream: 'https://shop.example', account: 'shop' }] })],
      { env: { HTTPS_PROXY: 'socks5://127.0.0.1:1', NO_PROXY: '', no_proxy: '' } },
    );
    assert.equal(code, 2);
    assert.match(
      stderr,
      /^tokenward: environment: the proxy for https:\/\/shop\.example .* is not an http:\/\/ or https:\/\/ URL/,
    );
  });
});
