import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { call } from '../../support/call.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { eventually } from '../../support/eventually.ts';
import { clientCredentials, FakeTokenServer } from '../../support/fake-token-server.ts';
import { temporaryFolder, type RunningProxy } from '../../support/proxy.ts';
import { requireTool } from '../../support/tools.ts';
import { patternSha256, pieces } from '../../support/upload.ts';
import { dial, tcpServer, type Line } from '../../support/wire.ts';
import { freshWorld } from '../../support/world.ts';

const MIB = 1024 * 1024;

/** A request as the upstream saw it. */
interface Saw {
  readonly token: string;
  readonly expect: string | undefined;
  readonly framing: string;
  bytes: number;
  sha256: string | undefined;
}

type Judge = (request: IncomingMessage, response: ServerResponse, good: boolean) => 'ask' | 'read' | 'done';

/** Refuses a token that is not the newest before it asks for the body; otherwise asks for it and reads it. */
const askIfGood: Judge = (_request, response, good) => {
  if (good) return 'ask';
  response.writeHead(401, { 'content-type': 'application/json', 'content-length': 2 }).end('{}');
  return 'done';
};

/** An upstream that sees expectations, and judges tokens by the token server's newest. */
async function expectingUpstream(newest: () => string, judge: Judge) {
  const saw: Saw[] = [];
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const token = request.headers.authorization ?? '';
    const one: Saw = {
      token,
      expect: request.headers.expect,
      framing: request.headers['content-length'] ?? request.headers['transfer-encoding'] ?? 'none',
      bytes: 0,
      sha256: undefined,
    };
    saw.push(one);
    const next = judge(request, response, token === `Bearer ${newest()}`);
    if (next === 'done') return;
    if (next === 'ask' && request.headers.expect !== undefined) response.writeContinue();
    const hash = createHash('sha256');
    request.on('data', (chunk: Buffer) => {
      one.bytes += chunk.length;
      hash.update(chunk);
    });
    request.on('error', () => undefined);
    request.on('end', () => {
      one.sha256 = hash.digest('hex');
      if (!response.headersSent) {
        const good = token === `Bearer ${newest()}`;
        response.writeHead(good ? 200 : 401, { 'content-length': 4 }).end(good ? 'fine' : 'dead');
      }
    });
  };
  const server = createServer(handle);
  server.on('checkContinue', handle).on('checkExpectation', handle);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    saw,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

describe('a client that waits for 100 Continue', () => {
  const close = closing();

  /** A proxy whose account has a token, and an upstream for which that one is dead if `dead`. */
  async function stage(judge: Judge, { dead = true, route = {}, limits = {} } = {}) {
    const tokens = await close(FakeTokenServer.start());
    const calls = (): number => tokens.count('login', 'granted');
    let dying = 0;
    const upstream = await close(expectingUpstream(() => (calls() > dying ? `access-${calls()}` : 'none'), judge));
    const proxy = await close(
      startCustomProxy({
        limits,
        accounts: { app: clientCredentials(tokens.url) },
        routes: [{ prefix: '/api', upstream: upstream.url, account: 'app', ...route }],
      }),
    );
    await call(proxy.url, '/api/first');
    upstream.saw.length = 0;
    if (dead) dying = 1;
    return { tokens: calls, upstream, proxy, dieFor: (calls: number) => (dying = calls) };
  }

  async function ask(proxy: RunningProxy, framing: string, version = '1.1'): Promise<Line> {
    const line = await dial(proxy.url);
    line.socket.write(`PUT /api/file HTTP/${version}\r\nHost: proxy\r\nExpect: 100-continue\r\n${framing}\r\n\r\n`);
    return line;
  }

  async function sendAll(socket: Socket, length: number, chunked = false): Promise<void> {
    for (const piece of pieces(length)) {
      if (chunked) socket.write(`${piece.length.toString(16)}\r\n`);
      const room = socket.write(piece);
      if (chunked) socket.write('\r\n');
      if (socket.destroyed) return;
      if (!room) await Promise.race([once(socket, 'drain'), once(socket, 'close')]);
    }
    if (chunked) socket.write('0\r\n\r\n');
  }

  const continues = (line: Line): number => line.received().split('HTTP/1.1 100 Continue').length - 1;

  for (const chunked of [false, true]) {
    const framing = chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${8 * MIB}`;

    it(`with ${framing}: a dead token is found before it is asked, once, and the body arrives once`, async () => {
      const { tokens, upstream, proxy } = await stage(askIfGood);
      const line = await ask(proxy, framing);
      await line.until(/^HTTP\/1\.1 100 Continue\r\n\r\n/);
      assert.deepEqual([upstream.saw.length, tokens()], [2, 2]);
      await sendAll(line.socket, 8 * MIB, chunked);
      assert.match(await line.until(/fine$/), /HTTP\/1\.1 200 OK/);
      assert.equal(continues(line), 1);
      line.socket.destroy();
      assert.deepEqual(
        upstream.saw.map(({ token, expect, bytes, sha256 }) => [token, expect, bytes, sha256]),
        [
          ['Bearer access-1', '100-continue', 0, undefined],
          ['Bearer access-2', '100-continue', 8 * MIB, patternSha256(8 * MIB)],
        ],
      );
      assert.equal(upstream.saw[1]!.framing, chunked ? 'chunked' : String(8 * MIB));
      assert.equal(tokens(), 2);
    });

    it(`with ${framing}, sent without waiting: healed all the same`, async () => {
      const { tokens, upstream, proxy } = await stage(askIfGood);
      const line = await ask(proxy, framing);
      await sendAll(line.socket, 8 * MIB, chunked);
      assert.match(await line.until(/fine$/), /HTTP\/1\.1 200 OK/);
      assert.ok(continues(line) <= 1);
      line.socket.destroy();
      assert.deepEqual(
        upstream.saw.map(({ sha256 }) => sha256),
        [undefined, patternSha256(8 * MIB)],
      );
      assert.equal(tokens(), 2);
    });
  }

  it('whose connection is kept: the next request on it is served', async () => {
    const { proxy } = await stage(askIfGood);
    const line = await ask(proxy, `Content-Length: ${2 * MIB}`);
    await line.until(/100 Continue/);
    await sendAll(line.socket, 2 * MIB);
    await line.until(/fine$/);
    line.socket.write('GET /api/next HTTP/1.1\r\nHost: proxy\r\nConnection: close\r\n\r\n');
    assert.match(await line.closed(), /fineHTTP\/1\.1 200 OK[\s\S]*fine$/);
  });

  it('of an upstream that never sends 100: it is asked after a second, and the body arrives', async () => {
    const { upstream, proxy } = await stage(() => 'read', { dead: false });
    const begun = performance.now();
    const line = await ask(proxy, `Content-Length: ${2 * MIB}`);
    await line.until(/100 Continue/);
    assert.ok(performance.now() - begun > 900);
    await sendAll(line.socket, 2 * MIB);
    await line.until(/200 OK[\s\S]*fine$/);
    line.socket.destroy();
    assert.deepEqual(
      upstream.saw.map(({ sha256 }) => sha256),
      [patternSha256(2 * MIB)],
    );
  });

  it('with a body of unknown length that turns out small: it is replayed although it was asked for', async () => {
    const { tokens, upstream, proxy } = await stage(() => 'ask');
    const line = await ask(proxy, 'Transfer-Encoding: chunked');
    await line.until(/100 Continue/);
    await sendAll(line.socket, 1_000, true);
    await line.until(/200 OK[\s\S]*fine$/);
    assert.equal(continues(line), 1);
    line.socket.destroy();
    assert.deepEqual(
      upstream.saw.map(({ expect, sha256 }) => [expect, sha256]),
      [
        ['100-continue', patternSha256(1_000)],
        [undefined, patternSha256(1_000)],
      ],
    );
    assert.equal(tokens(), 2);
  });

  it('with a body that fits into the buffer: it is asked at once, and the upstream gets no expectation', async () => {
    const { upstream, proxy } = await stage(askIfGood);
    const line = await ask(proxy, 'Content-Length: 5');
    await line.until(/100 Continue/);
    assert.equal(upstream.saw.length, 0);
    line.socket.write('hello');
    await line.until(/200 OK[\s\S]*fine$/);
    line.socket.destroy();
    assert.deepEqual(
      upstream.saw.map(({ expect }) => expect),
      [undefined, undefined],
    );
  });

  it('of an upstream that refuses the new token as well: it gets that answer, is asked for nothing', async () => {
    const { tokens, upstream, proxy, dieFor } = await stage(askIfGood);
    dieFor(99);
    const line = await ask(proxy, `Content-Length: ${64 * MIB}`);
    const text = await line.until(/\{\}$/);
    assert.match(text, /^HTTP\/1\.1 401 /);
    assert.match(text, /^connection: close\r$/im);
    line.socket.end();
    await line.closed();
    assert.deepEqual([continues(line), upstream.saw.length, tokens()], [0, 2, 2]);
  });

  it('of an upstream that answers 417: the request is sent again without the expectation', async () => {
    const { upstream, proxy } = await stage(
      (request, response) => {
        if (request.headers.expect === undefined) return 'read';
        response.writeHead(417, { 'content-length': 0 }).end();
        return 'done';
      },
      { dead: false },
    );
    const line = await ask(proxy, `Content-Length: ${2 * MIB}`);
    await line.until(/100 Continue/);
    await sendAll(line.socket, 2 * MIB);
    await line.until(/200 OK[\s\S]*fine$/);
    line.socket.destroy();
    assert.deepEqual(
      upstream.saw.map(({ expect, sha256 }) => [expect, sha256]),
      [
        ['100-continue', undefined],
        [undefined, patternSha256(2 * MIB)],
      ],
    );
  });

  for (const status of [200, 403, 413]) {
    it(`of an upstream that answers ${status} without the body: it gets that, and is asked for nothing`, async () => {
      const { tokens, upstream, proxy } = await stage(
        (_request, response) => {
          response.writeHead(status, { 'content-length': 5 }).end('early');
          return 'done';
        },
        { dead: false },
      );
      const line = await ask(proxy, `Content-Length: ${2 * MIB}`);
      const text = await line.until(/early$/);
      assert.match(text, new RegExp(`^HTTP/1\\.1 ${status} `));
      assert.match(text, /^connection: close\r$/im);
      line.socket.end();
      await line.closed();
      assert.deepEqual([continues(line), upstream.saw.length, tokens()], [0, 1, 1]);
    });
  }

  it('and sends the body nevertheless: it gets the early answer, and nothing behind the body is carried out', async () => {
    const { upstream, proxy } = await stage(
      (_request, response) => {
        response.writeHead(403, { 'content-length': 5 }).end('early');
        return 'done';
      },
      { dead: false },
    );
    const line = await ask(proxy, `Content-Length: ${2 * MIB}`);
    await line.until(/early$/);
    await sendAll(line.socket, 2 * MIB);
    line.socket.write('GET /api/behind HTTP/1.1\r\nHost: proxy\r\n\r\n');
    assert.match(await line.closed(), /early$/);
    assert.equal(upstream.saw.length, 1);
  });

  it('of HTTP/1.0: its expectation is ignored', async () => {
    const { upstream, proxy } = await stage(askIfGood, { dead: false });
    const line = await ask(proxy, `Content-Length: ${2 * MIB}`, '1.0');
    await sendAll(line.socket, 2 * MIB);
    assert.match(await line.until(/fine$/), /^HTTP\/1\.1 200 OK/);
    assert.deepEqual(
      upstream.saw.map(({ expect, bytes }) => [expect, bytes]),
      [[undefined, 2 * MIB]],
    );
    line.socket.destroy();
  });

  it('and leaves: the upstream gets no body, and its connection is given up', async () => {
    let ended = 0;
    const upstream = await close(
      tcpServer((socket) => {
        socket.on('close', () => (ended += 1)).resume();
      }),
    );
    const proxy = await close(
      startCustomProxy({ routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed' }] }),
    );
    const line = await ask(proxy, `Content-Length: ${2 * MIB}`);
    setTimeout(() => line.socket.resetAndDestroy(), 100);
    await eventually('the connection to the upstream ends', () => ended === 1);
  });

  it('and whose body stands still once it was asked for: 408', async () => {
    const { proxy } = await stage(askIfGood, { dead: false, limits: { bodyIdle: '500ms' } });
    const line = await ask(proxy, `Content-Length: ${2 * MIB}`);
    await line.until(/100 Continue/);
    assert.match(await line.closed(), /HTTP\/1\.1 408 /);
  });

  it('with a chunked body beyond maxBody: 413 once that shows', async () => {
    const { proxy } = await stage(askIfGood, { dead: false, route: { maxBody: 2 * MIB } });
    const line = await ask(proxy, 'Transfer-Encoding: chunked');
    await line.until(/100 Continue/);
    await sendAll(line.socket, 3 * MIB, true);
    assert.match(await line.until(/HTTP\/1\.1 413 [^]*\}/), /body_too_large/);
  });
});

describe('curl, which waits for 100 Continue before a large upload', () => {
  const world = freshWorld();

  for (const [name, flags] of [
    ['with its length', []],
    ['chunked', ['-H', 'Transfer-Encoding: chunked']],
  ] as const) {
    it(`uploads 32 MiB ${name} on a dead token: it arrives once, after one renewal`, async function () {
      const curl = requireTool(this, 'curl');
      const { sandbox, proxy } = world();
      await world().call('/crm/v1/licenses');
      sandbox.chatapp.set({ earlyRefusal: true });
      sandbox.chatapp.revokeCurrent();
      sandbox.ledger.clear();
      const folder = temporaryFolder();
      const file = join(folder, 'upload');
      writeFileSync(file, Buffer.concat([...pieces(32 * MIB)]));
      const { stdout } = await promisify(execFile)(curl, [
        ...['-sS', '-v', '--stderr', '-', '-o', join(folder, 'answer'), '-T', file, '-X', 'POST', ...flags],
        `${proxy.url}/crm/v1/sandbox/echo`,
      ]);
      rmSync(folder, { recursive: true });
      assert.match(stdout, /< HTTP\/1\.1 200 OK/);
      assert.equal(stdout.split('100 Continue').length - 1, 1);
      assert.equal(sandbox.ledger.count({ vendor: 'chatapp', where: ({ kind }) => kind !== 'api' }), 1);
      const bodies = sandbox.ledger
        .entries({ kind: 'api', where: ({ bodyBytes }) => bodyBytes > 0 })
        .map(({ bodySha256 }) => bodySha256);
      assert.deepEqual(bodies, [patternSha256(32 * MIB)]);
    });
  }
});
