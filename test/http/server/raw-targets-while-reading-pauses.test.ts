import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { encodeRawTargets, hasPending, isInFirstLine } from '../../../src/http/server/raw-targets.ts';
import type { MemorySocket } from '../../fuzz/targets/memory-socket.ts';
import { EncodedConnection, turns } from './encoded-connection.ts';

const FIRST = 'GET /\xff HTTP/1.1\r\n\r\n';
const SECOND = 'GET /\xfe HTTP/1.1\r\n\r\n';
const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

/** As src/http/server/one-at-a-time.ts and node:http itself pause and resume the reading of requests. */
function stop(socket: MemorySocket): void {
  Object.assign(socket, { _paused: true });
  socket.pause();
}
function resume(socket: MemorySocket): Promise<void> {
  Object.assign(socket, { _paused: false });
  (socket as { parser?: { resume(): void } | null }).parser?.resume();
  socket.resume();
  return turns();
}

/** A connection that is paused by its first request. */
function pausing(): EncodedConnection {
  let isFirst = true;
  return new EncodedConnection((_request, socket) => {
    if (isFirst) stop(socket);
    isFirst = false;
    return true;
  });
}

const targetsOf = ({ requests }: EncodedConnection): string[] => requests.map(({ target }) => target);

describe('a connection that is paused in the middle of a read', () => {
  it('passes the rest when it resumes, in its order', async () => {
    const connection = pausing();
    await connection.receive(`${FIRST}${SECOND}`);
    await connection.receive('GET /c HTTP/1.1\r\n\r\n');
    assert.deepEqual(targetsOf(connection), ['/%FF']);
    assert.equal(connection.passed, 'GET /%FF HTTP/1.1\r\n\r\n');
    // The stream keeps what is pending, before what has come since.
    assert.equal(hasPending(connection.asSocket), false);
    assert.equal(connection.socket.readableLength, `${SECOND}GET /c HTTP/1.1\r\n\r\n`.length);
    await resume(connection.socket);
    assert.deepEqual(targetsOf(connection), ['/%FF', '/%FE', '/c']);
    assert.equal(connection.refusal, undefined);
    connection.socket.destroy();
  });

  it('comes to its end behind the rest', async () => {
    const connection = pausing();
    let ended = 0;
    connection.socket.on('end', () => (ended += 1));
    await connection.receive(`${FIRST}${SECOND}`);
    connection.socket.push(null);
    await turns();
    assert.deepEqual([targetsOf(connection), ended], [['/%FF'], 0]);
    await resume(connection.socket);
    assert.deepEqual([targetsOf(connection), ended], [['/%FF', '/%FE'], 1]);
    connection.socket.destroy();
  });

  it('keeps the rest itself if its stream has ended already, and says so', async () => {
    const connection = pausing();
    // What is fed behind the end of the stream comes as events: see `feedInSlices`.
    Object.defineProperty(connection.socket, 'readableEnded', { value: true });
    connection.socket.emit('data', latin1(`${FIRST}${SECOND}`));
    assert.deepEqual([targetsOf(connection), hasPending(connection.asSocket)], [['/%FF'], true]);
    assert.equal(connection.socket.readableLength, 0);
    await resume(connection.socket);
    assert.deepEqual([targetsOf(connection), hasPending(connection.asSocket)], [['/%FF', '/%FE'], false]);
    connection.socket.destroy();
  });

  it('passes no body before it resumes, either', async () => {
    let request: IncomingMessage | undefined;
    const connection = new EncodedConnection((got, socket) => {
      request = got;
      socket.pause();
      return 'unread';
    });
    const head = 'POST /a HTTP/1.1\r\nContent-Length: 2\r\n\r\n';
    await connection.receive(`${head}ok`);
    assert.deepEqual([connection.passed, request!.complete], [head, false]);
    connection.socket.resume();
    await turns();
    assert.deepEqual([connection.passed, request!.complete], [`${head}ok`, true]);
    connection.socket.destroy();
  });

  it('passes nothing while node:http holds requests back, even if the stream flows', async () => {
    let isFirst = true;
    const connection = new EncodedConnection((_request, socket) => {
      if (isFirst) Object.assign(socket, { _paused: true });
      isFirst = false;
      return true;
    });
    await connection.receive(`${FIRST}${SECOND}`);
    assert.deepEqual([targetsOf(connection), connection.socket.isPaused()], [['/%FF'], true]);
    assert.equal(connection.socket.readableLength, SECOND.length);
    await resume(connection.socket);
    assert.deepEqual(targetsOf(connection), ['/%FF', '/%FE']);
    connection.socket.destroy();
  });

  it('has nothing pending otherwise', async () => {
    const connection = new EncodedConnection();
    await connection.receive('GET /\xff');
    assert.deepEqual([hasPending(connection.asSocket), connection.socket.isPaused()], [false, false]);
    connection.socket.destroy();
  });
});

/** Readers as node:http and a parser would be, which note what they get. */
function plainSocket(parser: object | null | undefined): { socket: Socket; got: string[]; returned: string[] } {
  const socket = new EventEmitter() as unknown as Socket;
  const got: string[] = [];
  const returned: string[] = [];
  const unshift = (bytes: Buffer): void => void returned.unshift(bytes.toString('latin1'));
  Object.assign(socket, { parser, isPaused: () => false, readableEnded: false, unshift });
  return { socket, got, returned };
}

describe('bytes of a connection', () => {
  it('are not passed behind its detaching, and return to the stream: its parser may serve another one', () => {
    const { socket, got, returned } = plainSocket({ incoming: null });
    socket.on('data', (bytes: Buffer) => {
      got.push(bytes.toString('latin1'));
      Object.assign(socket, { parser: null });
    });
    encodeRawTargets(socket);
    // One part for the line and its fields each.
    socket.emit('data', latin1('GET /\xff HTTP/1.1\r\n\r\nGET /'));
    socket.emit('data', latin1('x'));
    // The second read is none of ours any more: node:http's own listener would not be there either.
    assert.deepEqual([got, returned], [['GET /%FF HTTP/1.1\r\n\r\n'], ['GET /']]);
    assert.equal(hasPending(socket), false);
  });

  it('are not passed behind an upgrade that the application has taken, in the same read or later', async () => {
    for (const responds of [true, 'unread'] as const) {
      const connection = new EncodedConnection(() => responds);
      await connection.receive(FIRST);
      const before = connection.passed;
      const upgrade = 'GET /a HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n';
      await connection.receive(`${upgrade}GET /\xff`);
      await connection.receive(' HTTP/1.1\r\n\r\n');
      assert.equal(connection.passed, `${before}${upgrade}`);
      assert.deepEqual([connection.requests.length, hasPending(connection.asSocket)], [1, false]);
      connection.socket.destroy();
    }
  });

  it('are passed as they are behind a body that the parser does not complete', () => {
    const parser: { incoming: object | null } = { incoming: null };
    const { socket, got } = plainSocket(parser);
    socket.on('data', (bytes: Buffer) => {
      got.push(bytes.toString('latin1'));
      parser.incoming ??= { complete: false, headers: { 'content-length': '2' } };
    });
    encodeRawTargets(socket);
    socket.emit('data', latin1('POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nokGET /\xff HTTP/1.1\r\n\r\n'));
    assert.deepEqual(got.slice(1), ['ok', 'GET /\xff HTTP/1.1\r\n\r\n']);
  });

  it('are not touched on a connection without a parser, or without readers', () => {
    for (const parser of [null, undefined]) {
      const { socket, got } = plainSocket(parser);
      socket.on('data', (bytes: Buffer) => got.push(bytes.toString('latin1')));
      encodeRawTargets(socket);
      socket.emit('data', latin1('GET /\xff'));
      assert.deepEqual([got, socket.listenerCount('resume')], [['GET /\xff'], 0]);
      assert.deepEqual([isInFirstLine(socket), hasPending(socket)], [false, false]);
    }
    const { socket } = plainSocket({ incoming: null });
    encodeRawTargets(socket);
    assert.deepEqual([socket.listenerCount('data'), socket.listenerCount('resume')], [0, 0]);
  });

  it('wait for those before them if they come while those are being passed', () => {
    const { socket, got } = plainSocket({ incoming: null });
    socket.on('data', (bytes: Buffer) => {
      got.push(bytes.toString('latin1'));
      if (got.length === 1) socket.emit('data', latin1('c'));
    });
    encodeRawTargets(socket);
    socket.emit('data', latin1('GET / HTTP/1.1\r\n\r\nab'));
    assert.deepEqual(got, ['GET / HTTP/1.1\r\n\r\n', 'ab', 'c']);
  });

  it('come to every reader once, as a call on the connection', () => {
    const { socket, got } = plainSocket({ incoming: null });
    for (const name of ['a', 'b'])
      socket.on('data', function (this: Socket, bytes: Buffer) {
        got.push(`${name} ${this === socket} ${bytes.toString('latin1')}`);
      });
    encodeRawTargets(socket);
    assert.equal(socket.listenerCount('data'), 1);
    socket.emit('data', latin1('GET /\xff'));
    assert.deepEqual(got, ['a true GET /%FF', 'b true GET /%FF']);
  });
});
