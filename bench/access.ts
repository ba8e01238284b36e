import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { cpuSeconds, machine } from './machine.ts';
import { spread } from './measure.ts';
import { BenchError, freePort } from './processes.ts';
import { progress, runProgram, type Session } from './program.ts';

const HELP = `npm run bench:access -- [options]

What an access line costs: CPU time of the built program per request, by that of one without access lines. Each setting
has a process of its own, and their bursts take turns.

  --rounds N     bursts of each (12)
  --requests N   requests of a burst (3000)
  --json FILE    write the figures
  --help         show this
`;

/** What is compared with the first; it comes twice, which says what a ratio is worth. */
const SETTINGS = {
  none: { requests: 'none' },
  'none-again': { requests: 'none' },
  errors: { requests: 'errors' },
  'all, 1 %': { requests: 'all', sample: 0.01 },
  all: { requests: 'all' },
} as const;
type Setting = keyof typeof SETTINGS;
const NAMES = Object.keys(SETTINGS) as Setting[];
const CONNECTIONS = 32;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '12' },
    requests: { type: 'string', default: '3000' },
    json: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
const main = resolve(import.meta.dirname, '../dist/main.js');

interface Running {
  readonly url: string;
  readonly pid: number;
}

runProgram('access', async (session) => {
  if (!existsSync(main)) throw new BenchError('tokenward is not built (npm run build)');
  const upstream = await startUpstream(session);
  const running = new Map<Setting, Running>();
  for (const name of NAMES) running.set(name, await startProxy(session, upstream, name));
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const requests = Number(values.requests);
  for (const { url } of running.values()) await burst(url, agent, requests);
  const micros = new Map<Setting, number[]>(NAMES.map((name) => [name, []]));
  for (let round = 0; round < Number(values.rounds); round += 1) {
    progress(`round ${round + 1}`);
    // Each second round the other way round, so that none always runs behind the same one.
    for (const name of round % 2 === 0 ? NAMES : NAMES.toReversed()) {
      const { url, pid } = running.get(name)!;
      const before = cpuSeconds([pid]);
      await burst(url, agent, requests);
      micros.get(name)!.push(((cpuSeconds([pid]) - before) / requests) * 1e6);
    }
  }
  progress('');
  agent.destroy();
  const figures = NAMES.map((name) => {
    const own = micros.get(name)!;
    return { name, micros: spread(own), ratio: spread(own.map((value, at) => value / micros.get('none')![at]!)) };
  });
  process.stdout.write(
    `Node ${process.version}, ${machine().model}; CPU per request, median (quartiles) of paired bursts\n`,
  );
  for (const { name, micros: own, ratio } of figures)
    process.stdout.write(
      `  ${name.padEnd(14)}${`${own.median.toFixed(0)} µs`.padStart(8)}   ` +
        `${ratio.median.toFixed(2)} × none (${ratio.low.toFixed(2)} to ${ratio.high.toFixed(2)})\n`,
    );
  if (values.json !== undefined) {
    mkdirSync(dirname(resolve(values.json)), { recursive: true });
    writeFileSync(values.json, `${JSON.stringify({ node: process.version, machine: machine(), figures }, null, 1)}\n`);
  }
  return 0;
});

async function startUpstream({ processes }: Session): Promise<number> {
  const port = await freePort();
  const upstream = processes.start(process.execPath, [join(import.meta.dirname, 'attach/upstream.mjs')], {
    env: { PORT: String(port) },
  });
  await upstream.accepts(port);
  return port;
}

async function startProxy({ processes, folder }: Session, upstream: number, name: Setting): Promise<Running> {
  const file = join(folder, `${NAMES.indexOf(name)}.yaml`);
  const config = {
    listen: { host: '127.0.0.1', port: 0 },
    operator: { host: '127.0.0.1', port: 0 },
    store: { type: 'embedded', path: join(folder, `data-${NAMES.indexOf(name)}`) },
    accounts: { main: { flow: 'static', credentials: { token: 'a-live-token-of-forty-eight-letters-or-so-0123456' } } },
    routes: [{ prefix: '/api', upstream: `http://127.0.0.1:${upstream}/header`, account: 'main' }],
    log: { format: 'json', access: SETTINGS[name] },
  };
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
  // Its standard output is a pipe that is read here, as a container's is.
  const started = processes.start(process.execPath, [main, 'serve', '-c', file]);
  const [, own] = await started.prints(/"address":"http:\/\/127\.0\.0\.1:(\d+)"/);
  return { url: `http://127.0.0.1:${own!}`, pid: started.pid };
}

/** So many requests, on several connections. */
async function burst(url: string, agent: Agent, requests: number): Promise<void> {
  let left = requests;
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      while (left > 0) {
        left -= 1;
        await once(`${url}/api/v1/orders?id=42&fields=name`, agent);
      }
    }),
  );
}

function once(url: string, agent: Agent): Promise<void> {
  return new Promise((done, fail) => {
    const outgoing = request(url, { agent, headers: { cookie: 'lang=en' } }, (response) => {
      if (response.statusCode !== 200) fail(new BenchError(`${url} was answered with ${response.statusCode}`));
      response.resume().on('end', done);
    });
    outgoing.on('error', fail).end();
  });
}
