import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { dial } from '../../support/wire.ts';
import { rawUpstream } from '../../support/raw-upstream.ts';

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: text/x-letters\r\nTransfer-Encoding: chunked\r\n\r\n';
const LETTERS = 2_000;

/** The chunks of an answer, as its caller got them. */
function chunksOf(text: string): string[] {
  const chunks: string[] = [];
  for (let rest = text.slice(text.indexOf('\r\n\r\n') + 4); ;) {
    const line = rest.slice(0, rest.indexOf('\r\n'));
    const length = Number.parseInt(line, 16);
    if (!(length > 0)) return chunks;
    chunks.push(rest.slice(line.length + 2, line.length + 2 + length));
    rest = rest.slice(line.length + 2 + length + 2);
  }
}

describe('chunks of an upstream that come together', () => {
  const close = closing();

  // Cut in two, a request's head is read by node:http.
  for (const [reader, pieces] of [
    ['our reader', ['GET /api/x HTTP/1.1\r\nHost: proxy\r\n\r\n']],
    ['node:http', ['GET /api/x HTTP/1.1\r\nHo', 'st: proxy\r\n\r\n']],
  ] as const) {
    it(`go on together, for a caller of ${reader}: many chunks of one byte become a few`, async () => {
      const body = Array.from({ length: LETTERS }, (_, at) => String.fromCharCode(97 + (at % 26)));
      const upstream = await close(
        rawUpstream((_line, { socket }) => {
          socket.write(HEAD);
          setTimeout(() => socket.write(`${body.map((letter) => `1\r\n${letter}\r\n`).join('')}0\r\n\r\n`), 50);
        }),
      );
      const proxy = await close(
        startCustomProxy({ routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed' }] }),
      );
      const line = await dial(proxy.url);
      for (const piece of pieces) {
        line.socket.write(piece);
        await sleep(20);
      }
      const chunks = chunksOf(await line.until(/\r\n0\r\n\r\n$/));
      line.socket.destroy();
      assert.equal(chunks.join(''), body.join(''));
      // 12 KB: two or three pieces on their way, if the system cuts them at all.
      assert.ok(chunks.length <= 10, `${chunks.length} chunks`);
    });

    it(`that come one by one go on one by one, for a caller of ${reader}`, async () => {
      let send!: (text: string) => void;
      const upstream = await close(
        rawUpstream((_line, { socket }) => {
          socket.write(HEAD);
          send = (text) => void socket.write(text);
        }),
      );
      const proxy = await close(startCustomProxy({ routes: [{ prefix: '/api', upstream: upstream.url }] }));
      const line = await dial(proxy.url);
      for (const piece of pieces) {
        line.socket.write(piece);
        await sleep(20);
      }
      await line.until(/\r\n\r\n/);
      // Each letter is sent only once the one before has arrived: nothing waits for what comes behind it.
      for (const letter of 'abcdef') {
        send(`1\r\n${letter}\r\n`);
        await line.until(new RegExp(`\\r\\n1\\r\\n${letter}\\r\\n$`));
      }
      // Nor for the rest of a chunk that has begun.
      send('5\r\nhal');
      await line.until(/hal\r\n$/);
      send('f!\r\n');
      await line.until(/f!\r\n$/);
      assert.deepEqual(chunksOf(line.received()), ['a', 'b', 'c', 'd', 'e', 'f', 'hal', 'f!']);
      line.socket.destroy();
    });
  }

  it('before a mistake of the upstream end in a cut connection', async () => {
    const upstream = await close(
      rawUpstream((_line, { socket }) => {
        socket.write(HEAD);
        setTimeout(() => socket.write('1\r\na\r\n1\r\nb\r\nnonsense\r\n'), 50);
      }),
    );
    const proxy = await close(startCustomProxy({ routes: [{ prefix: '/api', upstream: upstream.url }] }));
    const line = await dial(proxy.url);
    line.socket.write('GET /api/x HTTP/1.1\r\nHost: proxy\r\n\r\n');
    assert.doesNotMatch(await line.closed(), /\r\n0\r\n\r\n/);
  });
});
