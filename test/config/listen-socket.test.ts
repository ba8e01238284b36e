import assert from 'node:assert/strict';
import { chmodSync, mkdirSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { load, mistakesOf, said, smallest, plainIssue } from '../support/config.ts';
import { freshFolder, writeConfig } from '../support/files.ts';
import { run } from '../support/process.ts';
import { requireBuild } from '../support/tools.ts';

const KEY = `sha256:${'ab'.repeat(32)}`;
const MODE_FORM = 'must be an octal mode in quotes that lets the owner read and write, such as "0660"';
const OPEN =
  'listen.socketMode: with callers: none and this mode, every user of this host can use the accounts. ' +
  'Give each caller a key, set a mode such as "0660", or set allowAnonymous: true';
const REPLACEABLE =
  'every user may write to its folder and so replace the socket with another one, which would get the ' +
  "callers' keys and requests. Choose another folder, or remove that permission";
const MISSING = 'its directory does not exist; it must exist when tokenward starts';

describe('listen.socket in a configuration', () => {
  const folder = freshFolder();
  const path = (): string => join(folder(), 'a.sock');
  const listen = (keys: string, top = ''): string => smallest({ top: `listen: { socket: ${path()}${keys} }\n${top}` });

  it('stands instead of host and port; with a port named as well, beside it', () => {
    const alone = load(listen('')).listeners[0]!;
    assert.deepEqual([alone.socket, alone.socketMode, alone.port], [path(), 0o660, undefined]);
    const both = load(listen(', host: 127.0.0.1, port: 8081')).listeners[0]!;
    assert.deepEqual([both.socket, both.host, both.port], [path(), '127.0.0.1', 8081]);
    assert.deepEqual(
      [load(smallest({})).listeners[0]!.socket, load(smallest({})).listeners[0]!.port],
      [undefined, 8080],
    );
  });

  it('leaves no key beside it that would mean nothing', () => {
    const needsPort = 'needs a port: with listen.socket and no listen.port there is only the socket';
    assert.deepEqual(said(listen(', host: 127.0.0.1')), [`listen.host: ${needsPort}`]);
    assert.deepEqual(said(listen(', tls: { certFile: a, keyFile: b }')), [
      `listen.tls: ${needsPort}. The socket speaks plain HTTP: what is sent on it does not leave the host`,
    ]);
    const alone = smallest({ top: 'listen: { socketMode: "0600" }' });
    assert.deepEqual(said(alone), ['listen.socketMode: needs listen.socket']);
    assert.equal(load(listen(', port: 8081, tls: { certFile: a, keyFile: b }')).listeners[0]!.tls?.certFile, 'a');
  });

  it('may be relative to the working directory, and comes out of the environment like any value', () => {
    const text = (socket: string): string => smallest({ top: `listen: { socket: "${socket}" }` });
    assert.equal(load(text(relative('.', path()))).listeners[0]!.socket, path());
    assert.equal(load(text('${RUN}/a.sock'), { RUN: folder() }).listeners[0]!.socket, path());
    assert.deepEqual(said(text('')), ['listen.socket: must not be empty']);
    assert.deepEqual(said(text('/run/a\\0b')), ['listen.socket: must be the path of a file']);
  });

  it('is as short as the system wants it', () => {
    const most = process.platform === 'darwin' ? 103 : 107;
    const base = `${resolve('/')}${'d'.repeat(20)}/`;
    const text = (socket: string): string => smallest({ top: `listen: { socket: "${socket}" }` });
    const long = `listen.socket: is too long for a socket: as an absolute path it may have ${most} bytes`;
    assert.equal(load(text(base.padEnd(most, 's'))).listeners[0]!.socket!.length, most);
    assert.deepEqual(said(text(base.padEnd(most + 1, 's'))), [long]);
    // Bytes count, not letters.
    assert.deepEqual(said(text(`/${'ä'.repeat(54)}`)), [long]);
  });

  it('has a mode of octal digits in quotes, with which its owner can connect', () => {
    for (const [written, mode] of [
      ['"0600"', 0o600],
      ['"660"', 0o660],
      ['"0770"', 0o770],
    ] as const) {
      assert.equal(load(listen(`, socketMode: ${written}`)).listeners[0]!.socketMode, mode, written);
    }
    // Without quotes YAML reads 0660 as 660 and 0o660 as 432.
    for (const wrong of ['"0888"', '"rw"', '"066"', '"0060"', '"01660"', '""', '0660', '0o660', '660']) {
      const why = wrong.startsWith('"') ? MODE_FORM : 'must be text (put quotes around it)';
      assert.deepEqual(said(listen(`, socketMode: ${wrong}`)), [`listen.socketMode: ${why}`], wrong);
    }
  });

  it('goes with callers: none as long as others than owner and group cannot connect', () => {
    assert.equal(load(listen(', socketMode: "0660"')).callers, 'none');
    // Who may write to a socket may connect; to read it is of no use.
    assert.equal(load(listen(', socketMode: "0664"')).callers, 'none');
    for (const mode of ['0666', '0662', '0777']) {
      assert.deepEqual(said(listen(`, socketMode: "${mode}"`)), [OPEN], mode);
    }
    assert.deepEqual(
      mistakesOf(listen(',\n  socketMode: "0666"')).map(({ line }) => line),
      [2],
    );
    assert.equal(load(listen(', socketMode: "0666"', 'allowAnonymous: true')).listeners[0]!.socketMode, 0o666);
    const withKeys = load(listen(', socketMode: "0666"', `callers: [{ name: a, key: "${KEY}" }]`));
    assert.equal(withKeys.listeners[0]!.socketMode, 0o666);
  });

  it('says nothing for a port beside it that others can reach', () => {
    const mistakes = said(listen(', host: 0.0.0.0, port: 8081')).join();
    assert.match(mistakes, /^listen\.host: with callers: none, anyone who reaches the listener/);
  });

  it('leaves the operator its own port, whatever its number', () => {
    assert.equal(load(listen('', 'operator: { port: 8080 }')).operator.port, 8080);
    assert.deepEqual(said(listen(', port: 9090')), ['operator.port: is the same as listen.port']);
  });

  it('lies in no folder in which everybody may put another one in its place', () => {
    const open = join(folder(), 'open');
    mkdirSync(open);
    chmodSync(open, 0o777);
    const text = smallest({ top: `listen:\n  socket: ${join(open, 'a.sock')}` });
    assert.deepEqual(mistakesOf(text), [{ path: 'listen.socket', line: 2, message: REPLACEABLE }]);
    // As of /tmp: there nobody can take away what is somebody else's.
    chmodSync(open, 0o1777);
    assert.equal(load(text).listeners[0]!.socket, join(open, 'a.sock'));
  });

  it('whose folder is not there yet is told of by check, and no mistake: the service may make it', async function () {
    requireBuild(this);
    const socket = join(folder(), 'later', 'a.sock');
    const text = `${smallest({ top: `listen:\n  socket: ${socket}` }).replace('token: secret', 'token: "${TOKEN}"')}\n`;
    assert.deepEqual(load(text, { TOKEN: 'x' }).warnings.map(plainIssue), [
      { path: 'listen.socket', line: 2, message: MISSING },
    ]);
    const file = writeConfig(folder(), text);
    const { code, stderr } = await run(['check', '-c', file], { env: { TOKEN: 'x' }, cwd: folder() });
    assert.equal(code, 0);
    assert.match(stderr, new RegExp(`^warning: \\S+:2:11: listen\\.socket: ${MISSING}$`, 'm'));
  });
});
