import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { call } from '../support/call.ts';
import { eventually } from '../support/eventually.ts';
import { fakeUpstream, type FakeUpstream } from '../support/fake-upstream.ts';
import { freshFolder, writeConfig } from '../support/files.ts';
import { answerOf } from '../support/starting.ts';
import { requireBuild, requireRoot, requireTool } from '../support/tools.ts';
import { freePort } from '../support/wire.ts';

const DOCKERFILE = readFileSync('deploy/docker/Dockerfile', 'utf8');
const USER = 10_001;

/** The image's root file system, made from this machine's Node and libraries, with a process in it. */
describe('the image', function () {
  this.timeout(120_000);
  const folder = freshFolder();
  const root = (): string => join(folder(), 'root');
  let upstream: FakeUpstream;
  let child: ChildProcess | undefined;
  let chroot: string;

  before(async function () {
    requireBuild(this);
    requireRoot(this);
    for (const tool of ['unshare', 'dpkg-query', 'ldd', 'mount']) requireTool(this, tool);
    chroot = requireTool(this, 'chroot');
    upstream = await fakeUpstream(async (request, response) => {
      if (request.url === '/slow') await sleep(2_000);
      response.end('fine');
    });
  });
  after(() => upstream?.close());
  afterEach(async () => {
    if (child?.exitCode === null) {
      child.kill('SIGKILL');
      await once(child, 'close');
    }
    child = undefined;
  });

  /** What the Dockerfile does with root.sh, and the app's files. */
  function assemble(): void {
    const addons = join(folder(), 'addons');
    mkdirSync(addons);
    for (const name of readdirSync('node_modules/@lmdb', { recursive: true }) as string[])
      if (/napi\.glibc\.node$/.test(name)) copyFileSync(join('node_modules/@lmdb', name), join(addons, 'lmdb.node'));
    execFileSync('sh', ['deploy/docker/root.sh', process.execPath, addons, root()], { stdio: 'pipe' });
    for (const part of ['dist', 'flows', 'package.json']) cpSync(part, join(root(), 'app', part), { recursive: true });
    for (const name of ['proc', 'data', 'tmp', 'app/node_modules']) mkdirSync(join(root(), name));
    chownSync(join(root(), 'data'), USER, USER);
  }

  /** Runs a command of the image in a root and a process namespace of its own, where it is process 1. */
  function inside(command: readonly string[], environment: string): string[] {
    const script = `mount --bind '${resolve('node_modules')}' '${root()}/app/node_modules' &&
      mount -t proc proc '${root()}/proc' &&
      cd / && exec env -i ${environment} ${chroot} --userspec=${USER}:${USER} '${root()}' "$@"`;
    return ['--pid', '--fork', '--mount', '--kill-child', 'sh', '-c', script, 'sh', ...command];
  }

  const words = (instruction: string): string[] =>
    JSON.parse(new RegExp(`^${instruction} (\\[.*\\])$`, 'm').exec(DOCKERFILE)![1]!) as string[];
  const healthCheck = (): string[] => JSON.parse(/^HEALTHCHECK [^[]*(\[.*\])$/m.exec(DOCKERFILE)![1]!) as string[];

  it('holds Node, its libraries with their licences, no shell and no setuid program', () => {
    assemble();
    assert.equal(execFileSync('find', [root(), '-perm', '/6000'], { encoding: 'utf8' }), '');
    for (const shell of ['bin/sh', 'usr/bin/sh', 'bin/bash']) assert.ok(!existsSync(join(root(), shell)), shell);
    const programs = execFileSync(
      'find',
      [root(), '-path', '*/app', '-prune', '-o', '-type', 'f', '-perm', '/111', '-print'],
      {
        encoding: 'utf8',
      },
    );
    assert.deepEqual(
      programs
        .trim()
        .split('\n')
        .filter((path) => !/\/ld-linux[^/]*$/.test(path)),
      [join(root(), 'usr/local/bin/node')],
    );
    const packages = readdirSync(join(root(), 'var/lib/dpkg/status.d'));
    for (const name of ['libc6', 'libstdc++6']) assert.ok(packages.includes(name), packages.join(' '));
    for (const name of packages) {
      assert.match(readFileSync(join(root(), 'var/lib/dpkg/status.d', name), 'utf8'), /^Version: \S+$/m);
      assert.ok(existsSync(join(root(), 'usr/share/doc', name, 'copyright')), name);
    }
  });

  it('runs as process 1: serves, is healthy, and ends its requests at SIGTERM', async () => {
    assemble();
    const [port, operator] = [await freePort(), await freePort()];
    const config = writeConfig(folder(), {
      listen: { host: '127.0.0.1', port },
      operator: { host: '127.0.0.1', port: operator },
      store: { type: 'embedded', path: '/data/store' },
      accounts: { fixed: { flow: 'static', credentials: { token: 'a-fixed-token' } } },
      routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed' }],
    });
    const mounted = join(root(), 'etc/tokenward/proxy.config.yaml');
    copyFileSync(config, mounted);
    chmodSync(mounted, 0o644);
    const environment = `NODE_ENV=production PATH=/usr/local/bin TOKENWARD_OPERATOR=127.0.0.1:${operator}`;
    child = spawn('unshare', inside([...words('ENTRYPOINT'), ...words('CMD')], environment), {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let log = '';
    child.stderr!.setEncoding('utf8').on('data', (text: string) => (log += text));
    const ended = once(child, 'close') as Promise<[number]>;
    await eventually(
      'it is ready',
      async () => {
        assert.equal(child!.exitCode, null, log);
        return (await answerOf(`http://127.0.0.1:${operator}/readyz`))?.status === 200;
      },
      60_000,
    );
    const health = (more: string): number | null =>
      spawnSync('unshare', inside(healthCheck(), `${environment} ${more}`), { stdio: 'ignore' }).status;
    assert.equal(health(''), 0);
    assert.equal(health('TOKENWARD_OPERATOR=127.0.0.1:1'), 1);

    const proxy = `http://127.0.0.1:${port}`;
    assert.equal((await call(proxy, '/api/x')).status, 200);
    assert.ok(upstream.seen.at(-1)?.rawHeaders.includes('Bearer a-fixed-token'));
    assert.equal(statSync(join(root(), 'data/store')).uid, USER);

    const [pid = ''] = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').split(' ');
    assert.match(readFileSync(`/proc/${pid}/status`, 'utf8'), /^NSpid:.*\t1$/m);
    const slow = call(proxy, '/api/slow');
    await eventually('the slow request is at the upstream', () => upstream.seen.at(-1)?.target === '/slow');
    process.kill(Number(pid), 'SIGTERM');
    assert.equal((await slow).status, 200);
    assert.deepEqual(await ended, [0, null], log);
  });
});
