// Callers who ask again as soon as they are answered, every other time with a body. What each request got is written to a file.
import { writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';

const [PORT, CALLERS, RAMP, SECONDS, BODY] = ['PORT', 'CALLERS', 'RAMP', 'SECONDS', 'BODY'].map((name) => Number(process.env[name]));
const headers = JSON.parse(process.env.HEADERS);
const agent = new Agent({ keepAlive: true, maxSockets: CALLERS, scheduling: 'fifo' });
const body = Buffer.alloc(BODY, 'x');
const now = () => performance.timeOrigin + performance.now();
const end = now() + SECONDS * 1000;
const records = [];

// One that is never answered must not keep the others' results.
const GIVE_UP = 30_000;

function one(id, method) {
  return new Promise((resolve) => {
    const startedAt = now();
    const done = (status) => {
      records.push([startedAt, now(), status, id, method]);
      resolve();
    };
    const sent = request({ agent, host: '127.0.0.1', port: PORT, path: '/crm/v1/work', method, headers: { ...headers, 'X-Call': id, ...(method === 'POST' && { 'Content-Type': 'application/octet-stream', 'Content-Length': BODY }) }, timeout: GIVE_UP }, (reply) => {
      reply.resume().on('end', () => done(reply.statusCode)).on('error', () => done(0));
    });
    sent.on('timeout', () => sent.destroy(new Error('given up')));
    sent.on('error', () => done(0));
    sent.end(method === 'POST' ? body : undefined);
  });
}

async function caller(number) {
  await new Promise((resolve) => setTimeout(resolve, (number / CALLERS) * RAMP));
  for (let turn = 0; now() < end; turn += 1) await one(`${number}-${turn}`, (number + turn) % 2 === 0 ? 'GET' : 'POST');
}

await Promise.all(Array.from({ length: CALLERS }, (_, number) => caller(number)));
writeFileSync(process.env.FILE, JSON.stringify(records));
console.log('done');
process.exit(0);
