import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { startTokenward, type Running } from './built-program.ts';
import { cpuSeconds, machine } from './machine.ts';
import { spread } from './measure.ts';
import { BenchError, freePort } from './processes.ts';
import { progress, runProgram, type Session } from './program.ts';
import { smallOptions, writeFigures } from './small-program.ts';

const HELP = `npm run bench:upgrades -- [options]

What a WebSocket message and a handshake cost through tokenward (the built program) and through http-proxy's ws: CPU time
of each, and their ratio, by paired bursts. And what a client gets whose handshake meets a dead token.

  --rounds N     bursts of each (12)
  --scale N      a multiple of the messages of a burst (1)
  --json FILE    write the figures
  --help         show this
`;

interface Load {
  readonly name: string;
  readonly connections: number;
  /** Bytes of a message; undefined: no message, a handshake and a close. */
  readonly size: number | undefined;
  /** Round trips in a burst. */
  readonly count: number;
}

const LOADS: readonly Load[] = [
  { name: 'echo of 64 bytes', connections: 32, size: 64, count: 20_000 },
  { name: 'echo of 4 KiB', connections: 32, size: 4_096, count: 15_000 },
  { name: 'echo of 64 KiB', connections: 8, size: 65_535, count: 3_000 },
  { name: 'handshake and close', connections: 16, size: undefined, count: 1_500 },
];

const { numbers, json } = smallOptions(HELP, { rounds: 12, scale: 1 });

runProgram('upgrades', async (session) => {
  const upstream = await freePort();
  const echo = session.processes.start(process.execPath, [join(import.meta.dirname, 'upgrades/echo.mjs')], {
    env: { PORT: String(upstream) },
  });
  await echo.accepts(upstream);
  const naive = await startNaive(session, upstream);
  const url = `http://127.0.0.1:${upstream}`;
  const tokenward = await startTokenward(session, {
    accounts: {
      echo: { flow: 'oauth2', credentials: { tokenUrl: `${url}/token`, clientId: 'bench', clientSecret: 'bench' } },
    },
    routes: [{ prefix: '/', upstream: url, account: 'echo', upgrade: ['websocket'] }],
  });
  const { rounds, scale } = numbers;
  const figures: { load: string; own: number[]; other: number[] }[] = [];
  for (const load of LOADS) {
    const own: number[] = [];
    const other: number[] = [];
    for (let round = -1; round < rounds; round += 1) {
      progress(`${load.name}, round ${round + 1}`);
      for (const contender of round % 2 === 0 ? [tokenward, naive] : [naive, tokenward]) {
        const cost = await burst(contender, { ...load, count: Math.ceil(load.count * scale) });
        // The first one warms up.
        if (round >= 0) (contender === tokenward ? own : other).push(cost);
      }
    }
    figures.push({ load: load.name, own, other });
  }
  progress('');
  await fetch(`${url}/kill`);
  const healed = { tokenward: await statusOf(tokenward), 'http-proxy': await statusOf(naive) };
  process.stdout.write(
    `Node ${process.version}, ${machine().model}; CPU per message or handshake, median (quartiles) of paired bursts\n`,
  );
  for (const { load, own, other } of figures) {
    const ratio = spread(own.map((value, round) => value / other[round]!));
    process.stdout.write(
      `  ${load.padEnd(22)}${spread(own).median.toFixed(1).padStart(7)} µs  http-proxy ${spread(other).median.toFixed(1).padStart(7)} µs  ` +
        `÷ ${ratio.median.toFixed(2)} (${ratio.low.toFixed(2)} to ${ratio.high.toFixed(2)})\n`,
    );
  }
  process.stdout.write(
    `  a handshake on a dead token: tokenward ${healed.tokenward}, http-proxy ${healed['http-proxy']}\n`,
  );
  writeFigures(json, { figures, healed });
  return 0;
});

async function startNaive({ processes }: Session, upstream: number): Promise<Running> {
  const port = await freePort();
  const env = { PORT: String(port), TARGET: `http://127.0.0.1:${upstream}` };
  const started = processes.start(process.execPath, [join(import.meta.dirname, 'upgrades/naive.mjs')], { env });
  await started.prints(/listening/);
  return { port, pid: started.pid };
}

/** CPU time of the contender for one round trip. Microseconds. */
async function burst({ port, pid }: Running, { connections, size, count }: Load): Promise<number> {
  let left = count;
  if (size === undefined) {
    const before = cpuSeconds([pid]);
    await Promise.all(
      Array.from({ length: connections }, async () => {
        while (left > 0) {
          left -= 1;
          const socket = await open(port);
          socket.end(CLOSE_FRAME);
          await ended(socket);
        }
      }),
    );
    return ((cpuSeconds([pid]) - before) / count) * 1e6;
  }
  const sockets = await Promise.all(Array.from({ length: connections }, () => open(port)));
  const message = frameOf(size);
  const before = cpuSeconds([pid]);
  await Promise.all(
    sockets.map(async (socket) => {
      while (left > 0) {
        left -= 1;
        await roundTrip(socket, message);
      }
    }),
  );
  const cost = ((cpuSeconds([pid]) - before) / count) * 1e6;
  for (const socket of sockets) socket.end(CLOSE_FRAME);
  await Promise.all(sockets.map(ended));
  return cost;
}

const CLOSE_FRAME = Buffer.from([0x88, 0x82, 0, 0, 0, 0, 3, 232]);

function frameOf(size: number): Buffer {
  const length = size < 126 ? [size] : [126, size >> 8, size & 255];
  return Buffer.concat([Buffer.from([0x82, 0x80 | length[0]!, ...length.slice(1), 0, 0, 0, 0]), randomBytes(size)]);
}

/** The echo is as long as the message, without its mask. */
function roundTrip(socket: Socket, message: Buffer): Promise<void> {
  let missing = message.length - 4;
  return new Promise((done, fail) => {
    const onData = (bytes: Buffer): void => {
      missing -= bytes.length;
      if (missing > 0) return;
      socket.off('data', onData).off('close', onClose);
      done();
    };
    const onClose = (): void => fail(new BenchError('a connection ended in the middle of a burst'));
    socket.on('data', onData).once('close', onClose);
    socket.write(message);
  });
}

async function open(port: number): Promise<Socket> {
  const { status, socket } = await shakeHands(port);
  if (status !== 101) throw new BenchError(`a handshake was answered with ${status}`);
  return socket;
}

async function statusOf({ port }: Running): Promise<number> {
  const { status, socket } = await shakeHands(port);
  socket.destroy();
  return status;
}

function shakeHands(port: number): Promise<{ readonly status: number; readonly socket: Socket }> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  socket.on('error', () => undefined);
  let head = '';
  return new Promise((done, fail) => {
    const onData = (bytes: Buffer): void => {
      head += bytes.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      socket.off('data', onData).off('close', onClose);
      done({ status: Number(head.slice(9, 12)), socket });
    };
    const onClose = (): void => fail(new BenchError('a handshake got no answer'));
    socket.on('data', onData).once('close', onClose);
    socket.write(
      `GET /chat HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
    );
  });
}

function ended(socket: Socket): Promise<void> {
  return new Promise((done) => {
    if (socket.destroyed) done();
    else socket.once('close', () => done()).resume();
  });
}
