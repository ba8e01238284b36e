import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { call } from '../support/call.ts';
import { eventually } from '../support/eventually.ts';
import { freshFolder, writeConfig } from '../support/files.ts';
import { MAIN } from '../support/process.ts';
import { requireBuild } from '../support/tools.ts';

interface Starting {
  readonly child: ChildProcess;
  stderr(): string;
  ended(): Promise<number | null>;
}

describe('a tokenward that gets a signal while it starts', function () {
  this.timeout(120_000);
  const folder = freshFolder();
  const all: ChildProcess[] = [];
  afterEach(() => {
    for (const child of all.splice(0)) child.kill('SIGKILL');
  });

  function start(
    context: Mocha.Context,
    workers: number,
    node: readonly string[] = [],
    env: NodeJS.ProcessEnv = {},
  ): Starting {
    requireBuild(context);
    const file = writeConfig(folder(), {
      workers,
      listen: { host: '127.0.0.1', port: 0 },
      operator: { host: '127.0.0.1', port: 0 },
      store: { type: 'embedded', path: join(folder(), 'store') },
      accounts: { fixed: { flow: 'static', credentials: { token: 'fixed' } } },
      routes: [{ prefix: '/api', upstream: 'http://127.0.0.1:9', account: 'fixed' }],
    });
    const child = spawn(process.execPath, [...node, MAIN, 'serve', '-c', file], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, ...env },
    });
    all.push(child);
    let text = '';
    child.stderr.setEncoding('utf8').on('data', (piece: string) => (text += piece));
    const closed = once(child, 'close') as Promise<[number | null]>;
    return { child, stderr: () => text, ended: async () => (await closed)[0] };
  }

  /**
   * It heeds signals, as the kernel sees it: that it catches SIGHUP. (Node itself catches the others, to end by them.)
   */
  async function heeds({ child }: Starting): Promise<void> {
    await eventually('signals are heeded', () => catchesHangup(child.pid!));
  }

  function catchesHangup(pid: number): boolean {
    return (
      (BigInt(`0x${/^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]!}`) & 1n) === 1n
    );
  }

  const nothingRaw = ({ stderr }: Starting): void =>
    assert.deepEqual(
      stderr()
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('{"')),
      [],
    );

  for (const workers of [1, 2]) {
    for (const pause of [0, 200, 500]) {
      for (const signal of ['SIGTERM', 'SIGINT'] as const) {
        it(`${signal}, ${workers} process(es), after ${pause} ms: ends with 0, and nothing raw is on standard error`, async function () {
          const one = start(this, workers);
          await heeds(one);
          await sleep(pause);
          one.child.kill(signal);
          assert.equal(await one.ended(), 0, one.stderr());
          nothingRaw(one);
        });
      }
    }

    it(`SIGHUP, ${workers} process(es): waits until it is up`, async function () {
      const one = start(this, workers);
      await heeds(one);
      one.child.kill('SIGHUP');
      await eventually(
        'it is up and has heeded it',
        () => one.stderr().includes('the configuration was reloaded'),
        60_000,
      );
      assert.match(one.stderr(), /tokenward is up[^]*the configuration was reloaded/);
      const { address } = JSON.parse(
        one
          .stderr()
          .split('\n')
          .find((line) => line.includes('tokenward is up'))!,
      ) as { address: string };
      assert.equal((await call(address, '/nowhere')).status, 404);
      one.child.kill('SIGTERM');
      assert.equal(await one.ended(), 0);
      nothingRaw(one);
    });
  }

  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    it(`${signal} while most of its program is still to be read: waits for it as well`, async function () {
      const mark = join(folder(), 'reading');
      // Whoever reads modules stands still at the first one that the start needs.
      writeFileSync(
        join(folder(), 'hooks.mjs'),
        `
        import { existsSync, writeFileSync } from 'node:fs';
        export async function load(url, context, next) {
          if (/\\/dist\\/(app\\/app|config\\/load)\\.js$/.test(url) && !existsSync(process.env.MARK)) {
            writeFileSync(process.env.MARK, '');
            await new Promise((resolve) => setTimeout(resolve, 1500));
          }
          return next(url, context);
        }`,
      );
      writeFileSync(
        join(folder(), 'preload.mjs'),
        "import { register } from 'node:module'; register('./hooks.mjs', import.meta.url);",
      );
      const one = start(this, 1, ['--import', join(folder(), 'preload.mjs')], { MARK: mark });
      await eventually('the program is being read', () => existsSync(mark));
      one.child.kill(signal);
      if (signal === 'SIGHUP') {
        await eventually(
          'it is up and has heeded it',
          () => one.stderr().includes('the configuration was reloaded'),
          60_000,
        );
        one.child.kill('SIGTERM');
      }
      assert.equal(await one.ended(), 0, one.stderr());
      nothingRaw(one);
    });
  }

  it('SIGKILL to the primary of several: starting workers end and print no stack', async function () {
    for (const pause of [0, 100, 300]) {
      const one = start(this, 2);
      const workers = (): number[] =>
        readFileSync(`/proc/${one.child.pid!}/task/${one.child.pid!}/children`, 'utf8')
          .split(' ')
          .filter(Boolean)
          .map(Number);
      // Before that, it is Node itself that tells the primary of the worker, and prints that nobody is there.
      // A worker that is still the primary's copy catches what the primary catches.
      const isReading = (pid: number): boolean =>
        readFileSync(`/proc/${pid}/environ`, 'utf8').includes('NODE_UNIQUE_ID') && catchesHangup(pid);
      await eventually('its workers are starting', () => workers().length === 2 && workers().every(isReading));
      await sleep(pause);
      one.child.kill('SIGKILL');
      // The workers hold standard error open until they end.
      await one.ended();
      nothingRaw(one);
    }
  });
});
