import assert from 'node:assert/strict';
import { join } from 'node:path';
import { load, mistakesOf, said, smallest, SMALLEST } from '../support/config.ts';
import { freshFolder } from '../support/files.ts';

const listen = (...entries: readonly string[]): string =>
  ['listen:', ...entries.map((entry) => `  - { ${entry} }`), SMALLEST].join('\n');

describe('listen as a list', () => {
  const folder = freshFolder();

  it('has an entry for each listener, with its own keys and the same defaults', () => {
    const text = listen(
      'port: 8081, hosts: [a.example]',
      `port: 8443, tls: { certFile: a, keyFile: b }`,
      'engine: fast',
    );
    assert.deepEqual(
      load(text).listeners.map(({ host, port, hosts, tls }) => [host, port, hosts, tls?.certFile]),
      [
        ['127.0.0.1', 8081, ['a.example'], undefined],
        ['127.0.0.1', 8443, [], 'a'],
        ['127.0.0.1', 8080, [], undefined],
      ],
    );
    assert.deepEqual(load(smallest({ top: 'listen: [{}]' })).listeners, load(SMALLEST).listeners);
  });

  it('needs one at least, and says of every mistake in which one it is', () => {
    assert.deepEqual(said(smallest({ top: 'listen: []' })), ['listen: needs at least 1']);
    assert.deepEqual(mistakesOf(listen('port: 8081', 'prot: 8082', 'port: many')), [
      { path: 'listen.1.prot', line: 3, message: 'unknown key; did you mean "port"?' },
      { path: 'listen.2.port', line: 4, message: 'must be a port number, 0 to 65535' },
    ]);
    assert.deepEqual(said(smallest({ top: 'listen: [8080]' })), ['listen.0: must be a mapping']);
    assert.deepEqual(mistakesOf(listen('port: 8081', 'port: 8082, socketMode: "0600"', 'port: 8083, forward: true')), [
      { path: 'listen.1.socketMode', line: 3, message: 'needs listen.socket' },
      {
        path: 'listen.2.forward',
        line: 4,
        message: 'has nothing to serve: no route has a host, and forward.tunnel names none',
      },
    ]);
    assert.deepEqual(
      mistakesOf(listen('port: 8081', 'port: 8082, host: 0.0.0.0')).map(({ path, line }) => [path, line]),
      [['listen.1.host', 3]],
    );
    assert.deepEqual(said(listen('port: 8081', 'port: 9090')), ['operator.port: is the same as listen.1.port']);
  });

  it('may not name a place twice', () => {
    const twice = (...entries: readonly string[]): unknown[] =>
      mistakesOf(`allowAnonymous: true\n${listen(...entries)}`).map(({ path, line, message }) => [path, line, message]);
    const port = 'listen.0 has this port already, at the same address';
    assert.deepEqual(twice('port: 8081', 'port: 8082', 'port: 8081'), [['listen.2.port', 5, port]]);
    // Without a port it is 8080, and in the environment it is text.
    assert.deepEqual(twice('engine: fast', 'port: "8080"'), [['listen.1.port', 4, port]]);
    assert.deepEqual(twice('engine: fast', 'engine: express'), [['listen.1.port', 4, port]]);
    for (const wide of ['0.0.0.0', '"::"'])
      assert.deepEqual(twice(`host: ${wide}, port: 8081`, 'port: 8081'), [['listen.1.port', 4, port]], wide);
    assert.deepEqual(twice('host: "::", port: 8081', 'host: "::1", port: 8081'), [['listen.1.port', 4, port]]);
    const socket = join(folder(), 'a.sock');
    assert.deepEqual(twice(`socket: ${socket}`, `port: 8081, socket: ${folder()}/./a.sock`), [
      ['listen.1.socket', 4, 'listen.0 has this socket already'],
    ]);
  });

  it('may name one port at several addresses, and any free port as often as it likes', () => {
    const fine = (...entries: readonly string[]): void => void load(`allowAnonymous: true\n${listen(...entries)}`);
    fine('port: 8081', 'host: 127.0.0.2, port: 8081', 'host: "::1", port: 8081');
    fine('host: 0.0.0.0, port: 8081', 'host: "::1", port: 8081');
    fine('port: 0', 'port: 0');
    fine(`socket: ${join(folder(), 'a.sock')}`, `socket: ${join(folder(), 'b.sock')}`, 'port: 8080');
  });

  it('has client certificates if one of them asks for them', () => {
    const callers = `callers: [{ name: a, certificate: a }]`;
    const tls = (more: string): string => `port: 8443, tls: { certFile: a, keyFile: b${more} }`;
    load(`${callers}\n${listen('port: 8081', tls(', clientCaFile: c'))}`);
    assert.deepEqual(said(`${callers}\n${listen('port: 8081', tls(''))}`), [
      'callers.0.certificate: needs listen.tls.clientCaFile: without it no client certificate is requested',
    ]);
  });
});
