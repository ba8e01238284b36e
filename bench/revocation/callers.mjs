// Callers who ask again as soon as they are answered, every other time with a body, until SIGTERM. What each request got
// is then written to a file: 0 for those that got nothing.
import { writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';

const [PORT, CALLERS, RAMP, BODY] = ['PORT', 'CALLERS', 'RAMP', 'BODY'].map((name) => Number(process.env[name]));
const headers = JSON.parse(process.env.HEADERS);
const agent = new Agent({ keepAlive: true, maxSockets: CALLERS, scheduling: 'fifo' });
const body = Buffer.alloc(BODY, 'x');
const now = () => performance.timeOrigin + performance.now();
const records = [];
const open = new Map();
let over = false;
/** Those under way at the end have so long to be answered. ms */
const LAST = 4_000;

// One that is never answered must not keep the others' results.
const GIVE_UP = 30_000;

function one(id, method) {
  return new Promise((resolve) => {
    const startedAt = now();
    open.set(id, [startedAt, method]);
    const done = (status) => {
      if (!open.delete(id)) return;
      records.push([startedAt, now(), status, id, method]);
      resolve();
    };
    const sent = request(
      {
        agent,
        host: '127.0.0.1',
        port: PORT,
        path: '/crm/v1/work',
        method,
        headers: {
          ...headers,
          'X-Call': id,
          ...(method === 'POST' && { 'Content-Type': 'application/octet-stream', 'Content-Length': BODY }),
        },
        timeout: GIVE_UP,
      },
      (reply) => {
        reply
          .resume()
          .on('end', () => done(reply.statusCode))
          .on('error', () => done(0));
      },
    );
    sent.on('timeout', () => sent.destroy(new Error('given up')));
    sent.on('error', () => done(0));
    sent.end(method === 'POST' ? body : undefined);
  });
}

async function caller(number) {
  await new Promise((resolve) => setTimeout(resolve, (number / CALLERS) * RAMP));
  for (let turn = 0; !over; turn += 1) await one(`${number}-${turn}`, (number + turn) % 2 === 0 ? 'GET' : 'POST');
}

const stopped = new Promise((resolve) => process.on('SIGTERM', resolve));
const all = Promise.all(Array.from({ length: CALLERS }, (_, number) => caller(number)));
await stopped;
over = true;
await Promise.race([all, new Promise((resolve) => setTimeout(resolve, LAST))]);
for (const [id, [startedAt, method]] of open) records.push([startedAt, now(), 0, id, method]);
writeFileSync(process.env.FILE, JSON.stringify(records));
process.exit(0);
