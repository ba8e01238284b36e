import { connect, type Socket } from 'node:net';
import { Caller } from '../caller.ts';
import { request } from '../corpus/requests.ts';
import { wait } from '../pieces.ts';
import type { Stage } from '../stage.ts';

export interface SlowlorisResult {
  /** Slow connections that could be opened. */
  readonly opened: number;
  /** Of them, those that the proxy has cut. */
  readonly cut: number;
  /** The longest any of those lived, s. */
  readonly longest: number;
  readonly good: number;
  readonly goodAnswered: number;
  /** Of the good answers, ms. */
  readonly slowest: number;
}

const SOCKETS = 2_000;
const DRIP = 5_000;
/** Ten seconds for a head, one for noticing, and one for a busy machine. */
export const CUT_WITHIN = 12;
/** Watched a little longer, so that a late cut is seen as one. */
const WATCH = 14_500;
const AT_ONCE = 100;

/** Thousands of callers who never finish their request's head, and a few honest ones beside them. */
export async function slowloris({ subject }: Stage): Promise<SlowlorisResult> {
  await subject.revive();
  const lives: number[] = [];
  const sockets: Socket[] = [];
  const drips: NodeJS.Timeout[] = [];
  const start = performance.now();
  let good = 0;
  let goodAnswered = 0;
  let slowest = 0;
  let watching = true;

  const honest = async (): Promise<void> => {
    while (watching) {
      good += 1;
      const asked = performance.now();
      try {
        const caller = await Caller.open(subject);
        await caller.say([request('GET /api/honest')]);
        const observed = await caller.answer('GET', 5_000);
        if (observed.kind === 'answer' && observed.answer.status === 200) goodAnswered += 1;
        caller.hangUp();
      } catch {
        // Counted as not answered.
      }
      slowest = Math.max(slowest, performance.now() - asked);
      await wait(50);
    }
  };
  const honestOnes = [honest(), honest(), honest(), honest()];
  let opened = 0;
  for (let i = 0; i < SOCKETS / AT_ONCE; i += 1) {
    opened += (await Promise.all(Array.from({ length: AT_ONCE }, () => open(subject.port)))).filter((socket) => {
      if (socket === undefined) return false;
      sockets.push(socket);
      const born = performance.now();
      const letters = `GET /api/slow HTTP/1.1\r\nHost: proxy\r\nX-Slow: ${'x'.repeat(100)}`;
      let at = 20;
      socket.write(letters.slice(0, at));
      const drip = setInterval(() => {
        if (socket.writable) socket.write(letters[at] ?? 'x');
        at += 1;
      }, DRIP);
      drips.push(drip);
      let over = false;
      // An answer such as 408 is an end as well: nobody will read the rest of the head.
      const ended = (): void => {
        clearInterval(drip);
        if (!over && watching) lives.push((performance.now() - born) / 1000);
        over = true;
      };
      socket.on('end', ended).on('close', ended).resume();
      return true;
    }).length;
  }
  await wait(Math.max(0, WATCH - (performance.now() - start)));
  // The last ones opened get their full time as well.
  await wait(opened === lives.length ? 0 : 1_500);
  watching = false;
  for (const drip of drips) clearInterval(drip);
  for (const socket of sockets) socket.destroy();
  await Promise.all(honestOnes);
  return { opened, cut: lives.length, longest: Math.max(0, ...lives), good, goodAnswered, slowest };
}

function open(port: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => resolve(socket));
    // Out of file descriptors, as a rule: what could be opened is counted.
    socket.on('error', () => resolve(undefined));
  });
}
