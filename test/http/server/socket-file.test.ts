import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { ListenError } from '../../../src/http/server/listen.ts';
import { listenOnSocket } from '../../../src/http/server/socket-file.ts';
import { call } from '../../support/call.ts';
import { freshFolder } from '../../support/files.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';
import type { ConfigObject, RunningProxy } from '../../support/proxy.ts';

const IN_USE = 'the socket is in use; stop the other program or choose another path.';

describe('the file of listen.socket', () => {
  const close = closing();
  const folder = freshFolder();
  const path = (): string => join(folder(), 'proxy.sock');
  const umask = process.umask(0o022);
  process.umask(umask);
  afterEach(() => process.umask(umask));

  async function start(listen: ConfigObject = {}): Promise<RunningProxy> {
    const upstream = await close(fakeUpstream());
    const routes = [{ prefix: '/api', upstream: upstream.url, account: 'fixed' }];
    return close(startCustomProxy({ listen: { socket: path(), ...listen }, routes, allowAnonymous: true }));
  }

  async function refused(why: string, listen: ConfigObject = {}): Promise<void> {
    const socket = (listen['socket'] as string | undefined) ?? path();
    await assert.rejects(start(listen), (error) => {
      assert.ok(error instanceof ListenError, String(error));
      assert.equal(error.message, `Cannot listen on ${socket} (proxy): ${why}`);
      return true;
    });
  }

  const serves = async (): Promise<void> => assert.equal((await call(`unix:${path()}`, '/api/a')).status, 200);
  const mode = (): string => (statSync(path()).mode & 0o777).toString(8);

  /** A process that listens there, and then does as it is told. */
  async function listener(then = ''): Promise<ChildProcess> {
    const where = JSON.stringify({ path: path(), backlog: 1 });
    const up = `() => { require('fs').writeSync(1, 'up'); ${then} }`;
    const script = `require('net').createServer().listen(${where}, ${up})`;
    const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    return child;
  }

  async function killed(child: ChildProcess): Promise<void> {
    child.kill('SIGKILL');
    await once(child, 'close');
  }

  for (const [given, seen] of [
    [undefined, '660'],
    ['0600', '600'],
    ['0666', '666'],
  ] as const) {
    for (const mask of [0, 0o077]) {
      it(`has the mode ${seen} with a umask of ${mask.toString(8)}, which stays as it was`, async () => {
        process.umask(mask);
        await start(given === undefined ? {} : { socketMode: given });
        assert.equal(mode(), seen);
        assert.equal(process.umask(umask), mask);
        await serves();
      });
    }
  }

  it('never has a wider mode, not even before anybody is told that it is there', async () => {
    process.umask(0);
    const server = createHttpServer();
    let first: string | undefined;
    server.once('listening', () => (first = mode()));
    await listenOnSocket(server, path(), 0o600, 'proxy');
    await new Promise((resolve) => server.close(resolve));
    assert.equal(first, '600');
  });

  it('goes when tokenward stops in good order', async () => {
    const proxy = await start();
    assert.ok(existsSync(path()));
    await proxy.app.stop({ idleMs: 0 });
    assert.ok(!existsSync(path()));
  });

  it('goes when the start fails after it was made', async () => {
    const occupant = createServer().listen(0, '127.0.0.1');
    await once(occupant, 'listening');
    const { port } = occupant.address() as { port: number };
    await assert.rejects(start({ host: '127.0.0.1', port }), /the port is in use/);
    occupant.close();
    assert.ok(!existsSync(path()));
  });

  it("of a killed process is in nobody's way", async () => {
    await killed(await listener());
    assert.ok(lstatSync(path()).isSocket());
    await start();
    await serves();
  });

  it('on which somebody answers stays theirs', async () => {
    await start();
    await refused(IN_USE);
    await serves();
  });

  it('of a program that is too busy to take a connection stays its own', async () => {
    const busy = await listener('Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)');
    const waiting = Array.from({ length: 4 }, () => connect({ path: path() }).on('error', () => undefined));
    await refused(IN_USE);
    assert.ok(lstatSync(path()).isSocket());
    waiting.forEach((socket) => socket.destroy());
    await killed(busy);
  });

  for (const [what, make] of [
    ['a file', () => writeFileSync(path(), 'content')],
    ['a folder', () => mkdirSync(path())],
    ['a symbolic link', () => symlinkSync(join(folder(), 'elsewhere'), path())],
  ] as const) {
    it(`is never made in place of ${what}`, async () => {
      make();
      const before = lstatSync(path()).ino;
      await refused('the path exists and is not a socket; choose another path.');
      assert.equal(lstatSync(path()).ino, before);
      if (what === 'a file') assert.equal(readFileSync(path(), 'utf8'), 'content');
    });
  }

  it('cannot be made where there is no folder, or none for this user', async () => {
    const missing = 'its folder does not exist; create it or choose another path.';
    await refused(missing, { socket: join(folder(), 'none', 'a.sock') });
    writeFileSync(join(folder(), 'file'), '');
    await refused(missing, { socket: join(folder(), 'file', 'a.sock') });
    // Root may write everywhere.
    if (process.getuid?.() === 0) return;
    const closed = join(folder(), 'closed');
    mkdirSync(closed);
    chmodSync(closed, 0o555);
    await refused('not permitted; choose a folder this user may write.', { socket: join(closed, 'a.sock') });
  });
});
