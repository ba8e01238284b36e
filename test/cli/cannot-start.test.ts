import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { call } from '../support/call.ts';
import { freshFolder, writeConfig } from '../support/files.ts';
import { run as runProgram, serve } from '../support/process.ts';
import { sandboxConfigObject, type ConfigObject } from '../support/proxy.ts';
import { requireBuild } from '../support/tools.ts';

const KEY = Buffer.alloc(32, 'one').toString('base64');
const OTHER_KEY = Buffer.alloc(32, 'two').toString('base64');

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

describe('tokenward serve that cannot start', () => {
  const folder = freshFolder();
  let sandbox: Sandbox;
  before(async () => {
    sandbox = await startSandbox();
  });
  after(() => sandbox.close());
  beforeEach(() => sandbox.ledger.clear());

  const config = (change: ConfigObject = {}): string =>
    writeConfig(folder(), { ...sandboxConfigObject(sandbox, join(folder(), 'store')), ...change });
  const logins = (): number => sandbox.ledger.count({ where: (entry) => entry.kind !== 'api' });

  /** Serves, makes the first call, so that there is a token to lose, and stops. */
  async function leaveAToken(file: string): Promise<Buffer> {
    const proxy = await serve(['-c', file]);
    assert.equal((await call(proxy.url, '/softline/v1/order/7')).status, 200);
    assert.equal(await proxy.end(), 0);
    assert.equal(logins(), 1);
    return readFileSync(join(folder(), 'store', 'tokens.mdb'));
  }

  async function stillWorks(file: string): Promise<void> {
    const proxy = await serve(['-c', file]);
    assert.equal((await call(proxy.url, '/softline/v1/order/7')).status, 200);
    assert.equal(await proxy.end(), 0);
    assert.equal(logins(), 1, 'the stored token is lost: there was another login');
  }

  it('for want of a file says so and ends with 2', async function () {
    requireBuild(this);
    const { code, stdout, stderr } = await run(['serve', '-c', join(folder(), 'none.yaml')]);
    assert.deepEqual(
      [code, stdout, stderr],
      [
        2,
        '',
        `tokenward: ${folder()}/none.yaml: there is no such file; tokenward init writes one, or name one with -c FILE\n`,
      ],
    );
  });

  it('because of malformed JSON names the line, ends with 2, and touches no store', async function () {
    requireBuild(this);
    const file = writeConfig(
      folder(),
      `{\n  "store": { "type": "embedded", "path": "${folder()}/store" },\n  "accounts": {`,
    );
    const { code, stderr } = await run(['serve', '-c', file]);
    assert.equal(code, 2);
    assert.match(stderr, /^tokenward: .*: 1 error\n\S+:3:\d+: not well-formed YAML or JSON, near column \d+ /);
    assert.ok(!existsSync(join(folder(), 'store')));
  });

  it('for want of an environment variable names it, ends with 2, and touches no store', async function () {
    requireBuild(this);
    const file = config({
      accounts: {
        softline: {
          flow: 'softline',
          baseUrl: sandbox.urls.softline,
          credentials: { username: '${SHOP_USER}', password: '${SHOP_PASSWORD}' },
        },
      },
      routes: [{ prefix: '/softline', upstream: sandbox.urls.softline, account: 'softline' }],
    });
    const { code, stderr } = await run(['serve', '-c', file], { env: { SHOP_USER: 'somebody' } });
    assert.equal(code, 2);
    const [head, place] = stderr.split('\n');
    assert.equal(head, `tokenward: ${file}: 1 error`);
    assert.match(
      place!,
      /:1:\d+: accounts\.softline\.credentials\.password: the environment variable SHOP_PASSWORD is not set$/,
    );
    assert.ok(!existsSync(join(folder(), 'store')));
    assert.equal(logins(), 0);
  });

  for (const which of ['listen', 'operator'] as const) {
    it(`because the port of ${which} is in use says which, ends with 1, and loses nothing`, async function () {
      requireBuild(this);
      const good = config({ store: { type: 'embedded', path: join(folder(), 'store'), key: KEY } });
      const before = await leaveAToken(good);
      const occupant = await occupy();
      const { port } = occupant.address() as AddressInfo;
      try {
        const bad = writeConfig(
          folder(),
          {
            ...sandboxConfigObject(sandbox, join(folder(), 'store')),
            store: { type: 'embedded', path: join(folder(), 'store'), key: KEY },
            [which]: { host: '127.0.0.1', port },
          },
          'bad.yaml',
        );
        const { code, stdout, stderr } = await run(['serve', '-c', bad]);
        assert.deepEqual(
          [code, stdout, stderr],
          [
            1,
            '',
            `tokenward: Cannot listen on 127.0.0.1:${port} (${which === 'listen' ? 'proxy' : 'operator'}): the port is in use; stop the other program or choose another port.\n`,
          ],
        );
      } finally {
        occupant.close();
      }
      assert.ok(readFileSync(join(folder(), 'store', 'tokens.mdb')).equals(before), 'the store has changed');
      await stillWorks(good);
    });
  }

  it('because an address is none of this machine says so', async function () {
    requireBuild(this);
    const { code, stderr } = await run([
      'serve',
      '-c',
      config({ operator: { host: '192.0.2.1', allowAnonymous: true, port: 0 } }),
    ]);
    assert.deepEqual(
      [code, stderr.split('\n').filter((line) => line.startsWith('tokenward'))],
      [1, ['tokenward: Cannot listen on 192.0.2.1:0 (operator): this machine has no such address.']],
    );
  });

  it('because its store lies below a file says so, ends with 1, and leaves the file', async function () {
    requireBuild(this);
    writeFileSync(join(folder(), 'file'), 'content');
    const { code, stdout, stderr } = await run([
      'serve',
      '-c',
      config({ store: { type: 'embedded', path: join(folder(), 'file', 'store'), key: KEY } }),
    ]);
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(
      stderr,
      /^tokenward: The store folder \S+\/file\/store cannot be made: .*ENOTDIR.*\. Set store\.path to a folder this user may write\.\n$/,
    );
    assert.equal(readFileSync(join(folder(), 'file'), 'utf8'), 'content');
    assert.equal(logins(), 0);
  });

  it('because its store file is no store says so, ends with 1, and leaves the file', async function () {
    requireBuild(this);
    const file = config({ store: { type: 'embedded', path: folder(), key: KEY } });
    const content = 'this is no store '.repeat(1_000);
    writeFileSync(join(folder(), 'tokens.mdb'), content);
    const { code, stderr } = await run(['serve', '-c', file]);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^tokenward: The store in \S+ cannot be opened: .*move \S+ away and keep it; tokenward then logs in again\.\n$/,
    );
    assert.equal(readFileSync(join(folder(), 'tokens.mdb'), 'utf8'), content);
  });

  it('because its store was sealed with another key says which, ends with 1, and loses nothing', async function () {
    requireBuild(this);
    const store = { type: 'embedded', path: join(folder(), 'store') };
    const good = config({ store: { ...store, key: KEY } });
    const before = await leaveAToken(good);
    const bad = writeConfig(
      folder(),
      { ...sandboxConfigObject(sandbox, store.path), store: { ...store, key: OTHER_KEY } },
      'bad.yaml',
    );
    const { code, stdout, stderr } = await run(['serve', '-c', bad]);
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(
      stderr,
      /^tokenward: The store was sealed with another key \(id [0-9a-f]{8}\); configured: [0-9a-f]{8}\. Put that key in store\.key or store\.retiredKeys\. Nothing was changed\.\n$/m,
    );
    assert.ok(!stderr.includes(KEY) && !stderr.includes(OTHER_KEY));
    assert.ok(readFileSync(join(folder(), 'store', 'tokens.mdb')).equals(before), 'the store has changed');
    assert.equal(logins(), 1);
    await stillWorks(good);
    await stillWorks(
      writeConfig(
        folder(),
        { ...sandboxConfigObject(sandbox, store.path), store: { ...store, key: OTHER_KEY, retiredKeys: [KEY] } },
        'rotated.yaml',
      ),
    );
  });

  it('because a key is configured beside which the store has made its own says so, and loses nothing', async function () {
    requireBuild(this);
    const good = config();
    await leaveAToken(good);
    const bad = writeConfig(
      folder(),
      {
        ...sandboxConfigObject(sandbox, join(folder(), 'store')),
        store: { type: 'embedded', path: join(folder(), 'store'), key: KEY },
      },
      'bad.yaml',
    );
    const { code, stderr } = await run(['serve', '-c', bad]);
    assert.equal(code, 1);
    assert.match(stderr, /sealed with another key/);
    await stillWorks(good);
  });
});

function occupy(): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => resolve(server));
  });
}
