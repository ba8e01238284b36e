import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { callerHeaders } from './load.ts';
import { cpuSeconds, machine, type Machine } from './machine.ts';
import { UsageError } from './options.ts';
import { naiveLogin } from './peers/naive-login.ts';
import { nginxLua } from './peers/nginx-lua.ts';
import type { Peer } from './peers/peer.ts';
import { tokenward } from './peers/tokenward.ts';
import { BenchError, freePort } from './processes.ts';
import { progress, runProgram, type Session } from './program.ts';

const HELP = `npm run bench:revocation -- [options]

A token is revoked at the upstream while 2,000 requests are under way. Who notices?

  --callers N    how many callers (default: 2000)
  --only a,b     only these contenders: tokenward, nginx-lua, naive
  --json FILE    write the figures
  --markdown     print them as a Markdown table
  --help         show this
`;

/** What a request takes at the upstream, by itself; callers spread over it. ms */
const THINK = 2_000;
/** Requests under way are refused within this time of the revocation. ms */
const SPREAD = 200;
/** What the token endpoint takes. ms */
const RENEWAL = 150;
const BODY = 1024;
/**
 * Once all callers are on their way, time for compilers and collectors to settle; then the revocation; then time to
 * watch. ms
 */
const BEFORE = 6_000;
const AFTER = 8_000;
/** So long a contender may take until nearly all callers are under way; after that it goes on with those it has. ms */
const ARRIVAL_MOST = 30_000;

interface Outcome {
  readonly contender: string;
  readonly about: string;
  readonly version: string;
  readonly inFlight: number;
  readonly refusals: number;
  /** Callers who got at least one 401. */
  readonly callersWhoSaw: number;
  /** Requests answered with another error, or not at all. */
  readonly otherErrors: number;
  readonly tokenCalls: number;
  /** From the revocation until the last of those under way had an answer. ms */
  readonly lastAnswer: number;
  readonly p99Answer: number;
  readonly late: number;
  /**
   * Time added to the upstream's own, for requests begun and answered outside the window; undefined if there were none.
   * ms
   */
  readonly p99Outside: number | undefined;
  readonly requests: number;
  /** CPU time for all of it, the start included: seconds. */
  readonly cpu: number;
  /** Requests with a good answer that the upstream has carried out more or less than once. */
  readonly notOnce: number;
  readonly damagedBodies: number;
}

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

type Call = readonly [startedAt: number, endedAt: number, status: number, id: string, method: string];

async function tryOne(
  { processes, folder }: Session,
  peer: Peer,
  callers: number,
  { pinning }: Machine,
): Promise<Outcome> {
  const own = join(folder, peer.name);
  mkdirSync(own);
  const apiPort = await freePort();
  const numbers = { THINK: String(THINK), SPREAD: String(SPREAD), RENEWAL: String(RENEWAL), BODY: String(BODY) };
  const api = processes.start(process.execPath, [join(import.meta.dirname, 'revocation/api.mjs')], {
    cpu: pinning?.others,
    env: { ...numbers, PORT: String(apiPort) },
  });
  await api.accepts(apiPort);
  const callerKey = randomBytes(32).toString('base64url');
  const url = `http://127.0.0.1:${apiPort}`;
  const running = await peer.start({
    processes,
    folder: own,
    port: await freePort(),
    cpu: pinning?.proxy,
    upstreamPort: apiPort,
    token: '',
    tokenEndpoint: url,
    callerKey,
    upstreamConnections: callers + 100,
  });
  const first = await fetch(`http://127.0.0.1:${running.port}/crm/v1/work`, { headers: callerHeaders(callerKey) });
  if (first.status !== 200) throw new BenchError(`${peer.name} answers the first request with ${first.status}`);

  const file = join(own, 'calls.json');
  const load = processes.start(process.execPath, [join(import.meta.dirname, 'revocation/callers.mjs')], {
    cpu: pinning?.others,
    env: {
      ...numbers,
      PORT: String(running.port),
      CALLERS: String(callers),
      RAMP: String(THINK),
      HEADERS: JSON.stringify(callerHeaders(callerKey)),
      FILE: file,
    },
  });
  const deadline = Date.now() + ARRIVAL_MOST;
  const underWay = async (): Promise<number> =>
    ((await (await fetch(`${url}/control/state`)).json()) as { inFlight: number }).inFlight;
  while (Date.now() < deadline && (await underWay()) < 0.95 * callers) await pause(250);
  const settled = Date.now();
  await pause(BEFORE);
  const { inFlight, at } = (await (await fetch(`${url}/control/revoke`, { method: 'POST' })).json()) as {
    inFlight: number;
    at: number;
  };
  await pause(AFTER);
  await load.stop();
  if ((await load.ended) !== 0) throw new BenchError(`${peer.name}: the callers failed: ${load.output().slice(-500)}`);
  const ledger = (await (await fetch(`${url}/control/ledger`)).json()) as {
    tokenCalls: number;
    refused: number;
    damaged: number;
    executed: [string, number][];
  };
  const cpu = cpuSeconds(running.pids);
  await running.stop();
  await api.stop();

  const calls = JSON.parse(readFileSync(file, 'utf8')) as Call[];
  const executed = new Map(ledger.executed);
  const good = calls.filter(([, , status]) => status >= 200 && status < 300);
  const after = calls
    .filter(([startedAt, endedAt]) => startedAt < at && endedAt > at)
    .map(([, endedAt]) => endedAt - at)
    .sort((a, b) => a - b);
  const last = at + after.at(-1)!;
  // While the callers arrive, nobody is warm yet; that is not what "outside" means.
  const warm = settled + THINK;
  const added = calls
    .filter(([startedAt, endedAt, status]) => status === 200 && startedAt > warm && (endedAt < at || startedAt > last))
    .map(([startedAt, endedAt]) => endedAt - startedAt - THINK)
    .sort((a, b) => a - b);
  return {
    contender: peer.name,
    about: peer.about,
    version: running.version,
    inFlight,
    refusals: ledger.refused,
    callersWhoSaw: new Set(calls.filter(([, , status]) => status === 401).map(([, , , id]) => id.split('-', 1)[0]))
      .size,
    otherErrors: calls.filter(([, , status]) => status !== 401).length - good.length,
    tokenCalls: ledger.tokenCalls,
    lastAnswer: last - at,
    p99Answer: after[Math.floor(after.length * 0.99)]!,
    late: after.filter((answer) => answer > 1.5 * THINK).length,
    p99Outside: added[Math.floor(added.length * 0.99)],
    requests: calls.length,
    cpu,
    notOnce: good.filter(([, , , id]) => executed.get(id) !== 1).length,
    damagedBodies: ledger.damaged,
  };
}

const whole = (value: number): string => Math.round(value).toLocaleString('en');

/** One row per figure, one column per contender. */
function table(outcomes: readonly Outcome[]): string[][] {
  const row = (name: string, of: (outcome: Outcome) => string): string[] => [name, ...outcomes.map(of)];
  return [
    row('', ({ contender }) => contender),
    row('requests under way at the revocation', ({ inFlight }) => whole(inFlight)),
    row('callers who saw a 401', ({ callersWhoSaw }) => whole(callersWhoSaw)),
    row('other errors', ({ otherErrors }) => whole(otherErrors)),
    row('calls to the token endpoint', ({ tokenCalls }) => whole(tokenCalls)),
    row('until the last of them had an answer', ({ lastAnswer }) => `${(lastAnswer / 1000).toFixed(2)} s`),
    row('until 99 % of them had one', ({ p99Answer }) => `${(p99Answer / 1000).toFixed(2)} s`),
    row(`had to wait for more than ${(1.5 * THINK) / 1000} s`, ({ late }) => whole(late)),
    row('p99 added, outside of that time', ({ p99Outside }) =>
      p99Outside === undefined ? 'never at rest' : `${p99Outside.toFixed(1)} ms`,
    ),
    row('answered well, but not carried out exactly once', ({ notOnce }) => whole(notOnce)),
    row('CPU time for everything', ({ cpu, requests }) => `${cpu.toFixed(1)} s for ${whole(requests)}`),
    row('damaged bodies', ({ damagedBodies }) => whole(damagedBodies)),
  ];
}

function text(rows: readonly string[][]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map(
      (row) =>
        `  ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]! + 3))).join('')}`,
    )
    .join('\n');
}

function asMarkdown([head, ...rows]: readonly string[][]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head!), line(head!.map(() => '---')), ...rows.map(line)].join('\n');
}

runProgram('revocation', async (session) => {
  let values;
  try {
    ({ values } = parseArgs({
      options: {
        callers: { type: 'string', default: '2000' },
        only: { type: 'string', default: 'tokenward,nginx-lua,naive' },
        json: { type: 'string' },
        markdown: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }));
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : 'wrong usage');
  }
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const callers = Number(values.callers);
  if (!Number.isInteger(callers) || callers < 1 || callers > 5_000) throw new UsageError('--callers must be 1 to 5000');
  const facts = machine();
  const outcomes: Outcome[] = [];
  const leftOut: string[] = [];
  for (const peer of [
    tokenward({ name: 'tokenward', checkout: resolve(import.meta.dirname, '..') }),
    nginxLua,
    naiveLogin,
  ]) {
    const why = values.only.split(',').includes(peer.name) ? peer.missing() : 'it was not asked for';
    if (why !== undefined) {
      leftOut.push(`${peer.name}, because ${why}`);
      continue;
    }
    progress(`${peer.name}: ${callers} callers`);
    outcomes.push(await tryOne(session, peer, callers, facts));
  }
  progress('');
  const rows = table(outcomes);
  const explained = `A request takes ${THINK / 1000} s at the upstream, a renewal ${RENEWAL} ms. The token is revoked; everything under way is refused within ${SPREAD} ms, so nobody can be done before ${((SPREAD + THINK) / 1000).toFixed(1)} s. What is still on its way to the upstream at that moment is judged when it is due, and then sent again: it needs ${(2 * THINK) / 1000} s and more. Half of the requests are POSTs with ${BODY} bytes.`;
  if (values.markdown) process.stdout.write(`${asMarkdown(rows)}\n\n${explained}\n`);
  else
    process.stdout.write(
      `\n${text(rows)}\n\n${explained}\n${outcomes.map(({ contender, version, about }) => `  ${contender} ${version}: ${about}\n`).join('')}${leftOut.map((one) => `  left out: ${one}\n`).join('')}`,
    );
  if (values.json !== undefined) {
    const file = resolve(values.json);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(
      file,
      `${JSON.stringify({ machine: facts, callers, think: THINK, spread: SPREAD, renewal: RENEWAL, outcomes, leftOut }, null, 1)}\n`,
    );
  }
  return 0;
});
