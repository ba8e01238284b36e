import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { waitForDrain } from '../../../src/http/client/socket.ts';
import { wait } from '../pieces.ts';
import type { Stage } from '../stage.ts';
import { residentMemory } from '../../support/resident-memory.ts';

export interface VolumeResult {
  /** Bytes that arrived at the other end. */
  readonly down: number;
  readonly up: number;
  /** How far resident memory rose above what it was before; undefined where that cannot be read. */
  readonly rise: number | undefined;
}

const PIECE = Buffer.alloc(256 * 1024, 0x63);
const MOST_SECONDS = 150;
/** The reader stops for a while near the beginning: what the proxy would keep for him, it would keep now. */
const PAUSE_AFTER = 16 * 1024 * 1024;
const PAUSE = 1_000;

/** Much down, then much up, and the proxy's memory meanwhile. */
export async function volume(stage: Stage, bytes: number): Promise<VolumeResult> {
  const { subject } = stage;
  await subject.revive();
  // A first round warms up what the process allocates once.
  await download(stage, 4 * 1024 * 1024);
  await upload(stage, 4 * 1024 * 1024);
  await wait(300);
  const before = residentMemory(subject.pid);
  let peak = before ?? 0;
  const watch = setInterval(() => {
    peak = Math.max(peak, residentMemory(subject.pid) ?? 0);
  }, 50);
  try {
    const down = await download(stage, bytes);
    const up = await upload(stage, bytes);
    return { down, up, rise: before === undefined ? undefined : peak - before };
  } finally {
    clearInterval(watch);
  }
}

/** A connection that is closed for sure when the work on it takes too long. */
async function onConnection<T>(port: number, work: (socket: Socket) => Promise<T>): Promise<T> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  socket.on('error', () => undefined);
  const limit = setTimeout(() => socket.destroy(), MOST_SECONDS * 1000);
  try {
    await once(socket, 'connect');
    return await work(socket);
  } finally {
    clearTimeout(limit);
    socket.destroy();
  }
}

function download({ subject }: Stage, bytes: number): Promise<number> {
  return onConnection(subject.port, async (socket) => {
    socket.write(`GET /volume/down/${bytes} HTTP/1.1\r\nHost: proxy\r\n\r\n`);
    let head = '';
    let got = -1;
    let paused = false;
    await new Promise<void>((resolve) => {
      socket.on('close', () => resolve());
      socket.on('data', (piece: Buffer) => {
        if (got < 0) {
          head += piece.toString('latin1');
          const end = head.indexOf('\r\n\r\n');
          if (end !== -1) got = head.length - end - 4;
        } else {
          got += piece.length;
        }
        if (got >= bytes) resolve();
        if (paused || got < PAUSE_AFTER) return;
        paused = true;
        socket.pause();
        setTimeout(() => socket.resume(), PAUSE);
      });
    });
    return Math.max(0, got);
  });
}

function upload({ subject, volume: upstream }: Stage, bytes: number): Promise<number> {
  return onConnection(subject.port, async (socket) => {
    let answered = false;
    socket.on('data', () => {
      answered = true;
    });
    socket.write(`POST /volume/up HTTP/1.1\r\nHost: proxy\r\nContent-Length: ${bytes}\r\n\r\n`);
    for (let left = bytes; left > 0 && !socket.destroyed; left -= PIECE.length) {
      if (!socket.write(left >= PIECE.length ? PIECE : PIECE.subarray(0, left))) await waitForDrain(socket);
    }
    for (let i = 0; i < 600 && !answered && !socket.destroyed; i += 1) await wait(20);
    return answered ? upstream.received : 0;
  });
}
