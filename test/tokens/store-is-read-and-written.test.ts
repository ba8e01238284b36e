import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { StoreError, type TokenStore } from '../../src/tokens/store.ts';
import { EmbeddedStore } from '../../src/tokens/stores/embedded.ts';
import { RedisStore } from '../../src/tokens/stores/redis.ts';
import { temporaryFolder } from '../support/proxy.ts';
import { startRedis, type RedisServer } from '../support/redis.ts';
import { requireTool } from '../support/tools.ts';
import { redisOptions } from './redis-factory.ts';

const options = { ownerIsGone: (): boolean => false, now: Date.now };
const says =
  (words: RegExp) =>
  (error: unknown): boolean =>
    error instanceof StoreError && words.test(error.message);

describe('an embedded store whose folder goes away under it', () => {
  let folder: string;
  let store: EmbeddedStore;
  beforeEach(() => {
    folder = join(temporaryFolder(), 'data');
    store = EmbeddedStore.open(folder, options);
  });
  afterEach(async () => {
    await store.close();
    rmSync(join(folder, '..'), { recursive: true, force: true });
  });

  async function isSaidAloud(words: RegExp): Promise<void> {
    await assert.rejects(store.check(), says(words));
    await assert.rejects(
      store.replace('crm', 0, { revision: 1, generation: 1, sealed: Buffer.from('x') }),
      says(words),
    );
    await assert.rejects(store.acquireLease('crm', 'a', 1_000), says(words));
    await assert.rejects(store.debit('k', Date.now(), 1_000, 1), says(words));
  }

  it('deleted: says so, and takes nothing that it could not keep', async () => {
    await store.check();
    rmSync(folder, { recursive: true });
    await isSaidAloud(/tokens\.mdb was removed while tokenward was using it.*restart/);
  });

  it('replaced by another one: the same, for as long as that one is there', async () => {
    renameSync(folder, `${folder}-away`);
    mkdirSync(folder);
    await EmbeddedStore.open(folder, options).close();
    await isSaidAloud(/replaced by another one/);
    rmSync(folder, { recursive: true });
    renameSync(`${folder}-away`, folder);
    await store.check();
    assert.equal(await store.replace('crm', 0, { revision: 1, generation: 1, sealed: Buffer.from('x') }), true);
  });
});

/**
 * A process with a store of its own that looks whether it is usable each time it is told to, and says what it has seen.
 */
const CHILD = `
import { createInterface } from 'node:readline';
import { EmbeddedStore } from '${process.cwd()}/src/tokens/stores/embedded.ts';
const store = EmbeddedStore.open(process.argv[1], { ownerIsGone: () => false, now: Date.now });
let writes = 0;
const said = async (what) => console.log(await what.then(() => 'good', (error) => error.name + ': ' + error.message));
createInterface({ input: process.stdin }).on('line', (line) => {
  if (line === 'check') void said(store.check());
  if (line === 'write') void said(store.debit('k', Date.now(), 60_000, 1_000));
});
console.log('open');`;

describe('an embedded store on a disk that takes no writes', function () {
  this.timeout(30_000);
  let folder: string;
  beforeEach(() => {
    folder = temporaryFolder();
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const broken = {
    'files may not be written (a limit)': {
      tool: 'prlimit',
      async breakDisk(_tool: string, pid: number) {
        const limit = (soft: string): void =>
          void execFileSync('prlimit', ['--pid', String(pid), `--fsize=${soft}:unlimited`]);
        limit('0');
        return async () => limit('unlimited');
      },
    },
    'a read-only file system (EROFS from every write)': {
      tool: 'strace',
      async breakDisk(tool: string, pid: number) {
        const calls = 'pwrite64,pwritev,pwritev2,fdatasync,fsync,msync';
        const strace = spawn(
          tool,
          [
            '-f',
            '-q',
            '-p',
            String(pid),
            '-o',
            '/dev/null',
            '-e',
            `trace=${calls}`,
            '-e',
            `inject=${calls}:error=EROFS`,
          ],
          { stdio: 'ignore' },
        );
        await sleep(1_000);
        return async () => {
          strace.kill('SIGTERM');
          await once(strace, 'exit');
        };
      },
    },
    'synced data that comes to EIO': {
      tool: 'strace',
      async breakDisk(tool: string, pid: number) {
        const strace = spawn(
          tool,
          [
            '-f',
            '-q',
            '-p',
            String(pid),
            '-o',
            '/dev/null',
            '-e',
            'trace=fdatasync,fsync',
            '-e',
            'inject=fdatasync,fsync:error=EIO',
          ],
          { stdio: 'ignore' },
        );
        await sleep(1_000);
        return async () => {
          strace.kill('SIGTERM');
          await once(strace, 'exit');
        };
      },
    },
  };
  for (const [what, { tool, breakDisk }] of Object.entries(broken)) {
    it(`${what}: each look and each write says so in one line, standard error stays empty, and it heals`, async function () {
      const program = requireTool(this, tool);
      const child = spawn(process.execPath, ['--import=tsx', '--input-type=module', '--eval', CHILD, folder], {
        stdio: 'pipe',
      });
      const lines: string[] = [];
      let stderr = '';
      child.stdout
        .setEncoding('utf8')
        .on('data', (text: string) => lines.push(...text.split('\n').filter((line) => line !== '')));
      child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
      const observed = async (): Promise<string> => {
        for (const end = Date.now() + 10_000; lines.length === 0 && Date.now() < end;) await sleep(10);
        return lines.shift() ?? 'nothing';
      };
      const ask = (line: string): Promise<string> => {
        child.stdin.write(`${line}\n`);
        return observed();
      };
      try {
        assert.equal(await observed(), 'open');
        assert.deepEqual([await ask('write'), await ask('check')], ['good', 'good']);
        const mend = await breakDisk(program, child.pid!);
        for (let look = 0; look < 3; look += 1) {
          assert.match(await ask('write'), /^StoreError: The store cannot be written: [^\n]+\.$/);
          assert.match(await ask('check'), /^StoreError: The store cannot be written: [^\n]+\.$/);
        }
        await mend();
        assert.deepEqual([await ask('check'), await ask('write')], ['good', 'good']);
        assert.equal(stderr, '');
      } finally {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
    });
  }
});

describe('Redis that can be read and not written', () => {
  let server: RedisServer;
  let store: TokenStore;
  before(async function () {
    server = await startRedis(requireTool(this, 'redis-server'));
  });
  after(() => server?.stop());
  beforeEach(async () => {
    store = await RedisStore.open(
      redisOptions(server, { commandTimeout: 1_000, keyPrefix: `health-${Math.random()}` }),
    );
  });
  afterEach(() => store.close());

  const refusals: Readonly<Record<string, { begin: string[]; end: string[]; word: RegExp }>> = {
    'its memory is full': {
      begin: ['CONFIG', 'SET', 'maxmemory', '1'],
      end: ['CONFIG', 'SET', 'maxmemory', '0'],
      word: /OOM/,
    },
    'it lacks the replicas it wants': {
      begin: ['CONFIG', 'SET', 'min-replicas-to-write', '3'],
      end: ['CONFIG', 'SET', 'min-replicas-to-write', '0'],
      word: /NOREPLICAS/,
    },
  };
  for (const [what, { begin, end, word }] of Object.entries(refusals)) {
    it(`${what}: a look says so at the latest ten seconds after the last write that went well, and heals at once`, async () => {
      const fresh = await RedisStore.open(
        redisOptions(server, { commandTimeout: 1_000, keyPrefix: `health-${Math.random()}` }),
      );
      await server.command(...begin);
      try {
        await later(10_000, () => assert.rejects(fresh.check(), says(word)));
        assert.equal(await fresh.read('crm'), undefined);
        // Who starts just now can at least use what is there.
        await (
          await RedisStore.open(redisOptions(server, { keyPrefix: fresh.keyOf('record', '').split(':')[0]! }))
        ).close();
      } finally {
        await server.command(...end);
      }
      await fresh.check();
      await fresh.close();
    });
  }
});

/** As if so much time had gone by on the monotonic clock. */
async function later(ms: number, act: () => Promise<void>): Promise<void> {
  const { now } = performance;
  performance.now = () => now.call(performance) + ms;
  try {
    await act();
  } finally {
    performance.now = now;
  }
}

describe('a new embedded store', () => {
  it('is in its folder, and its key too, before anything is sealed with it: each new name is synced', async function () {
    const strace = requireTool(this, 'strace');
    const folder = temporaryFolder();
    const script = `
import { EmbeddedStore } from '${process.cwd()}/src/tokens/stores/embedded.ts';
import { keyBesideStore } from '${process.cwd()}/src/tokens/stores/key-file.ts';
keyBesideStore(process.argv[1]);
await EmbeddedStore.open(process.argv[1], { ownerIsGone: () => false, now: Date.now }).close();`;
    try {
      const child = spawn(
        strace,
        [
          '-f',
          '-y',
          '-o',
          join(folder, 'calls'),
          '-e',
          'trace=fsync,link,linkat,mkdir',
          process.execPath,
          '--import=tsx',
          '--input-type=module',
          '--eval',
          script,
          join(folder, 'deep', 'data'),
        ],
        { stdio: 'ignore' },
      );
      assert.deepEqual(await once(child, 'exit'), [0, null]);
      const calls = readFileSync(join(folder, 'calls'), 'utf8').split('\n');
      const at = (pattern: RegExp): number => calls.findIndex((line) => pattern.test(line));
      const synced = (path: string, after: number): boolean =>
        calls.slice(after + 1).some((line) => line.includes('fsync(') && line.includes(`<${path}>`));
      const linked = at(/link(at)?\(.*store\.key/);
      assert.ok(linked >= 0);
      assert.ok(synced(join(folder, 'deep', 'data'), linked), "the key's name");
      assert.ok(synced(join(folder, 'deep'), -1), "the folder's name");
      assert.ok(synced(folder, -1), "its folder's name");
      assert.ok(readdirSync(join(folder, 'deep', 'data')).includes('tokens.mdb'));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }).timeout(30_000);
});
