import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { do_not_optimize as keep, measure } from 'mitata';
import type { Attachment } from '../src/flows/attach.ts';
import { machine } from './machine.ts';

if (!existsSync(resolve(import.meta.dirname, '../dist/main.js'))) {
  process.stderr.write('micro: tokenward is not built (npm run build)\n');
  process.exit(1);
}
const {
  byLongestPrefix,
  json,
  managerOf,
  matchRoute,
  rejectsToken,
  REPLY,
  responseHeaders,
  ResponseParser,
  REQUEST,
  requestHeaders,
  route,
  RULE,
  SECRET,
  UpstreamResponse,
} = await import('./micro/pieces.ts');

const HELP = `npm run bench:micro -- [options]

What single pieces of the built program cost.

  --json FILE  write the figures
  --help       show this
`;

/** What one piece costs: nanoseconds per call, median and quartiles of batches. */
interface Timing {
  readonly name: string;
  readonly low: number;
  readonly median: number;
  readonly high: number;
}

const { values } = parseArgs({ options: { json: { type: 'string' }, help: { type: 'boolean', default: false } } });
if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
const timings: Timing[] = [];
const time = async (name: string, piece: () => unknown): Promise<void> => {
  const { p25: low, p50: median, p75: high } = await measure(() => keep(piece()));
  timings.push({ name, low, median, high });
  const ns = (value: number): string =>
    value < 10_000 ? `${value.toFixed(value < 100 ? 1 : 0)} ns` : `${(value / 1000).toFixed(1)} µs`;
  process.stdout.write(`  ${name.padEnd(58)}${ns(median).padStart(12)}   (${ns(low)} to ${ns(high)})\n`);
};
const nothing = (): void => undefined;
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
/** Heap in use once garbage is gone. Bytes. */
const heap = (): number => {
  collect();
  return process.memoryUsage().heapUsed;
};

process.stdout.write(`Node ${process.version}, ${machine().model}; median (quartiles) of batches\n`);

const three = ['/crm', '/crm-archive', '/open'].map(route).sort(byLongestPrefix);
const hundred = Array.from({ length: 100 }, (_, number) => route(`/api-${number}`)).sort(byLongestPrefix);
await time('route match, 3 routes', () => matchRoute(three, '/crm/v1/chats/42?fields=name'));
await time('route match, 100 routes, the last one', () => matchRoute(hundred, `${hundred.at(-1)!.prefix}/v1/chats/42`));

const crm = route('/crm');
const attachment: Attachment = {
  headers: ['Authorization', SECRET],
  query: [],
  cookies: [],
  path: '',
  body: [],
  signing: undefined,
  secrets: [SECRET],
};
await time(`request header cleaning, ${REQUEST.length / 2} fields`, () =>
  requestHeaders(REQUEST, crm, attachment, 'tokenward-0123456789ab'),
);
await time(`reply header cleaning, ${REPLY.length / 2} fields`, () =>
  responseHeaders(REPLY, crm, attachment, 'http://127.0.0.1:8080'),
);

const one = await managerOf(1);
await time('token get from memory, 1 account', () => one.get('account-0'));
const before = heap();
const many = await managerOf(100_000);
process.stdout.write(
  `  ${'heap per account, with its stored record and settings'.padEnd(58)}${`${((heap() - before) / 100_000).toFixed(0)} bytes`.padStart(12)}\n`,
);
const names = Array.from({ length: 100_000 }, (_, number) => `account-${(number * 7_919) % 100_000}`);
let turn = 0;
await time('token get from memory, 100,000 accounts in turn', () => many.get(names[turn++ % 100_000]!));

const replyTo = (headers: string[], chunks: readonly Buffer[]): InstanceType<typeof UpstreamResponse> => {
  const reply = new UpstreamResponse(nothing, nothing);
  reply.onHead({ status: 200, reason: 'OK', headers });
  for (const chunk of chunks) reply.onBody(chunk);
  reply.onEnd();
  return reply;
};
const cut = (body: Buffer): Buffer[] =>
  Array.from({ length: Math.ceil(body.length / 65_536) }, (_, index) =>
    body.subarray(index * 65_536, (index + 1) * 65_536),
  );
const small = json(200);
const medium = json(64 * 1024);
const large = cut(json(10 * 1024 * 1024));
const typed = ['Content-Type', 'application/json'];
await time('inspection of a 200-byte reply', () => rejectsToken(RULE, 'GET', replyTo(typed, [small])));
await time('inspection of a 64 KiB reply', () => rejectsToken(RULE, 'GET', replyTo(typed, [medium])));
await time('inspection of a 10 MiB reply of known length', () =>
  rejectsToken(RULE, 'GET', replyTo([...typed, 'Content-Length', String(10 * 1024 * 1024)], [large[0]!])),
);
await time('inspection of a 10 MiB reply that comes in chunks', async () => {
  const reply = new UpstreamResponse(nothing, nothing);
  reply.onHead({ status: 200, reason: 'OK', headers: [...typed, 'Transfer-Encoding', 'chunked'] });
  const verdict = rejectsToken(RULE, 'GET', reply);
  for (const chunk of large) reply.onBody(chunk);
  reply.onEnd();
  return verdict;
});

const head = Buffer.from(
  `HTTP/1.1 200 OK\r\n${Array.from({ length: REPLY.length / 2 }, (_, index) => `${REPLY[2 * index]!}: ${REPLY[2 * index + 1]!}`).join('\r\n')}\r\n\r\n${small.toString('latin1')}`,
  'latin1',
);
const reader = new ResponseParser({ onHead: nothing, onBody: nothing, onEnd: nothing });
await time(`reply reader, a head of ${REPLY.length / 2} fields and 200 bytes`, () => {
  reader.expect('GET');
  reader.feed(head);
  return reader;
});

if (values.json !== undefined) {
  mkdirSync(dirname(resolve(values.json)), { recursive: true });
  writeFileSync(values.json, `${JSON.stringify({ node: process.version, machine: machine(), timings }, null, 1)}\n`);
}
