import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { startTokenward } from './built-program.ts';
import { cpuSeconds, machine } from './machine.ts';
import { spread } from './measure.ts';
import { BenchError, freePort } from './processes.ts';
import { progress, runProgram, type Session } from './program.ts';
import { smallOptions, writeFigures } from './small-program.ts';

const HELP = `npm run bench:attach -- [options]

What a request costs by what is attached to it: CPU time of the built program per request, by that of a request of the
same kind with one header field. One process serves all, and their bursts take turns.

  --rounds N     bursts of each (12)
  --requests N   requests of a burst (3000)
  --json FILE    write the figures
  --help         show this
`;

/** One account, the requests of which are compared with those of another. */
interface Case {
  readonly name: string;
  readonly attach: unknown;
  readonly send: 'GET' | 'JSON' | 'form';
}

const HEADER = { header: 'Authorization', value: 'Bearer {token}' };
const SIGNED = { key: '{id}', secret: '{token}' };
const CASES: readonly Case[] = [
  { name: 'header', attach: HEADER, send: 'GET' },
  // The same once more: how far two equal ones are apart says what a ratio is worth.
  { name: 'header-again', attach: HEADER, send: 'GET' },
  { name: 'three', attach: [HEADER, { query: 'key' }, { cookie: 'SID' }], send: 'GET' },
  { name: 'aws4', attach: { sign: 'aws4', region: 'eu-central-1', service: 's3', ...SIGNED }, send: 'GET' },
  { name: 'oauth1', attach: { sign: 'oauth1', consumerKey: '{id}', consumerSecret: '{token}' }, send: 'GET' },
  {
    name: 'hmac',
    attach: { sign: 'hmac', key: '{token}', of: '{method}{target}{timestamp}', headers: { 'X-Sign': '{signature}' } },
    send: 'GET',
  },
  { name: 'digest', attach: { sign: 'digest', user: '{id}', password: '{token}' }, send: 'GET' },
  { name: 'post-json', attach: HEADER, send: 'JSON' },
  { name: 'json', attach: { json: '/token' }, send: 'JSON' },
  { name: 'post-form', attach: HEADER, send: 'form' },
  { name: 'form', attach: { form: 'token' }, send: 'form' },
];

/** With which of the cases each is compared. */
const REFERENCE = { GET: 'header', JSON: 'post-json', form: 'post-form' } as const;
const CONNECTIONS = 32;
const TYPES = { GET: undefined, JSON: 'application/json', form: 'application/x-www-form-urlencoded' } as const;
/** About 1 KiB. */
const BODIES = {
  GET: undefined,
  JSON: JSON.stringify({ rows: Array.from({ length: 24 }, (_, id) => ({ id, name: `Ada Lovelace ${id}` })) }),
  form: Array.from({ length: 40 }, (_, id) => `name${id}=Ada+Lovelace+%28${id}%29`).join('&'),
} as const;

const { numbers, json } = smallOptions(HELP, { rounds: 12, requests: 3000 });

runProgram('attach', async (session) => {
  const { url, pid } = await startProxy(session);
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const { rounds, requests } = numbers;
  for (const one of CASES) await burst(url, agent, one, requests);
  const micros = new Map<string, number[]>(CASES.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    progress(`round ${round + 1}`);
    // Each second round the other way round, so that none always runs behind the same one.
    for (const one of round % 2 === 0 ? CASES : CASES.toReversed()) {
      const before = cpuSeconds([pid]);
      await burst(url, agent, one, requests);
      micros.get(one.name)!.push(((cpuSeconds([pid]) - before) / requests) * 1e6);
    }
  }
  progress('');
  agent.destroy();
  const figures = CASES.map(({ name, send }) => {
    const reference = micros.get(REFERENCE[send])!;
    const own = micros.get(name)!;
    return {
      name,
      reference: REFERENCE[send],
      micros: spread(own),
      ratio: spread(own.map((value, round) => value / reference[round]!)),
    };
  });
  process.stdout.write(
    `Node ${process.version}, ${machine().model}; CPU per request, median (quartiles) of paired bursts\n`,
  );
  for (const { name, reference, micros: own, ratio } of figures) {
    const by =
      name === reference
        ? ''
        : `${ratio.median.toFixed(2)} × ${reference} (${ratio.low.toFixed(2)} to ${ratio.high.toFixed(2)})`;
    process.stdout.write(`  ${name.padEnd(14)}${`${own.median.toFixed(0)} µs`.padStart(8)}   ${by}\n`);
  }
  writeFigures(json, { figures });
  return 0;
});

async function startProxy(session: Session): Promise<{ url: string; pid: number }> {
  const port = await freePort();
  const upstream = session.processes.start(process.execPath, [join(import.meta.dirname, 'attach/upstream.mjs')], {
    env: { PORT: String(port) },
  });
  await upstream.accepts(port);
  const credentials = { id: 'required', token: 'required' };
  const given = { id: 'an-access-key-id', token: 'a-live-token-of-forty-eight-letters-or-so-0123456' };
  const of = <T>(make: (one: Case) => T): Record<string, T> =>
    Object.fromEntries(CASES.map((one) => [one.name, make(one)]));
  const started = await startTokenward(session, {
    flows: of(({ attach }) => ({ credentials, attach, invalid: [{ status: 401 }] })),
    accounts: of(({ name }) => ({ flow: name, credentials: given })),
    routes: CASES.map(({ name }) => ({
      prefix: `/${name}`,
      upstream: `http://127.0.0.1:${port}/${name}`,
      account: name,
    })),
  });
  return { url: `http://127.0.0.1:${started.port}`, pid: started.pid };
}

/** So many requests, on several connections. */
async function burst(url: string, agent: Agent, { name, send }: Case, requests: number): Promise<void> {
  let left = requests;
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      while (left > 0) {
        left -= 1;
        await once(`${url}/${name}/v1/orders?id=42&fields=name`, agent, send);
      }
    }),
  );
}

function once(url: string, agent: Agent, send: Case['send']): Promise<void> {
  const [body, type] = [BODIES[send], TYPES[send]];
  return new Promise((done, fail) => {
    const method = send === 'GET' ? 'GET' : 'POST';
    const headers = { cookie: 'lang=en', ...(type !== undefined && { 'content-type': type }) };
    const outgoing = request(url, { agent, method, headers }, (response) => {
      if (response.statusCode !== 200) fail(new BenchError(`${url} was answered with ${response.statusCode}`));
      response.resume().on('end', done);
    });
    outgoing.on('error', fail).end(body);
  });
}
