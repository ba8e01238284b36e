import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { metric } from '../../support/call.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { eventually } from '../../support/eventually.ts';
import { BINARY, frame, handshake, webSocketUpstream } from '../../support/web-socket.ts';
import { dial } from '../../support/wire.ts';

const MIB = 1024 ** 2;
const SIZE = 64 * MIB;

describe('a side that does not read what the other sends', () => {
  const close = closing();
  const big = frame(BINARY, Buffer.alloc(SIZE), false);

  for (const slow of ['client', 'upstream'] as const) {
    it(`stops the other (${slow}): of a frame of 64 MiB little is in this process, and all of it arrives later`, async () => {
      let taken = 0;
      const upstream = await close(
        webSocketUpstream({
          serve: ({ socket }) => {
            if (slow === 'client') {
              const pieces = Array.from({ length: 64 }, (_, i) =>
                big.subarray(i * MIB, i === 63 ? undefined : (i + 1) * MIB),
              );
              const send = (): void => {
                for (let piece = pieces.shift(); piece !== undefined; piece = pieces.shift()) {
                  taken += piece.length;
                  if (!socket.write(piece)) {
                    socket.once('drain', send);
                    return;
                  }
                }
              };
              send();
            } else socket.pause();
          },
        }),
      );
      const proxy = await close(
        startCustomProxy({ routes: [{ prefix: '/api', upstream: upstream.url, upgrade: ['websocket'] }] }),
      );
      const line = await dial(proxy.url);
      line.socket.write(handshake('/api/a'));
      await line.until(/101 [^]*\r\n\r\n/);
      const direction = slow === 'client' ? 'to_client' : 'to_upstream';
      const relayed = (): Promise<number> => metric(proxy.operatorUrl, 'tokenward_upgraded_bytes_total', { direction });
      if (slow === 'client') line.socket.removeAllListeners('data').pause();
      else line.socket.write(big);
      // What the systems' buffers take is passed on, and then nothing.
      let before = -1;
      for (let now = await relayed(); now !== before; now = await relayed()) {
        before = now;
        await sleep(300);
      }
      assert.ok(before < 24 * MIB, `${before / MIB} MiB were relayed`);
      if (slow === 'client') {
        let arrived = 0;
        line.socket.on('data', (text: string) => (arrived += text.length)).resume();
        await eventually('all of it is there', () => arrived >= big.length - before);
        assert.equal(taken, big.length);
      } else {
        let arrived = 0;
        upstream.handshakes[0]!.socket.on('data', (bytes: Buffer) => (arrived += bytes.length)).resume();
        await eventually('all of it is there', () => arrived === big.length);
      }
      assert.equal(await relayed(), big.length);
      line.socket.destroy();
    });
  }
});
