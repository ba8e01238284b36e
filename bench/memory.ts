import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { callerHeaders } from './load.ts';
import { machine, residentBytes } from './machine.ts';
import { allPeers } from './peers/all.ts';
import { BenchError } from './processes.ts';
import { progress, runProgram } from './program.ts';
import { setStage, type Stage } from './stage.ts';

const CONNECTIONS = 1_000;
const BODIES = 64;
const MIB = 1024 * 1024;
/** For collectors and allocators to come to rest. ms */
const REST = 3_000;

interface Figures {
  readonly contender: string;
  /** After its start and a handful of requests: bytes. */
  readonly atStart: number;
  /** Per idle connection of a caller that has made one request: bytes. */
  readonly perConnection: number;
  /** Per byte of request bodies that have come but for their last byte: bytes. */
  readonly perBodyByte: number;
}

const rest = (): Promise<void> => new Promise((done) => setTimeout(done, REST));

function head(callerKey: string, method: string, path: string, more: readonly string[] = []): string {
  return [
    `${method} ${path} HTTP/1.1`,
    'Host: 127.0.0.1',
    ...Object.entries(callerHeaders(callerKey)).map(([name, value]) => `${name}: ${value}`),
    ...more,
    '',
    '',
  ].join('\r\n');
}

/** A connection that has sent this, and has seen an answer to it if one is wanted. */
async function caller(port: number, bytes: string, answered: boolean): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(bytes);
  if (!answered) return socket;
  const [reply] = (await once(socket, 'data')) as [Buffer];
  if (!reply.toString('latin1').startsWith('HTTP/1.1 200'))
    throw new BenchError(`an answer begins with ${reply.toString('latin1').slice(0, 40)}`);
  return socket;
}

async function figuresOf({ contenders, callerKey }: Stage, name: string): Promise<Figures> {
  const { running } = contenders.find(({ peer }) => peer.name === name)!;
  const resident = (): number => residentBytes(running.pids);
  await rest();
  const atStart = resident();

  progress(`${name}: ${CONNECTIONS} idle connections`);
  const idle: Socket[] = [];
  for (let i = 0; i < CONNECTIONS; i += 1)
    idle.push(await caller(running.port, head(callerKey, 'GET', '/crm/v1/chats/42'), true));
  await rest();
  const withConnections = resident();
  for (const socket of idle) socket.destroy();
  await rest();

  progress(`${name}: ${BODIES} bodies`);
  const before = resident();
  const body = 'x'.repeat(MIB - 1);
  const bodies: Socket[] = [];
  for (let i = 0; i < BODIES; i += 1)
    bodies.push(
      await caller(
        running.port,
        `${head(callerKey, 'POST', '/crm/v1/messages', [`Content-Length: ${MIB}`])}${body}`,
        false,
      ),
    );
  await rest();
  const withBodies = resident();
  for (const socket of bodies) socket.destroy();
  return {
    contender: name,
    atStart,
    perConnection: (withConnections - atStart) / CONNECTIONS,
    perBodyByte: (withBodies - before) / (BODIES * MIB),
  };
}

const HELP = `npm run bench:memory -- [options]

Resident memory after the start, per idle connection and per kept MiB of a body.

  --json FILE  write the figures
  --help       show this
`;

runProgram('memory', async (session) => {
  const { values } = parseArgs({ options: { json: { type: 'string' }, help: { type: 'boolean', default: false } } });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const wanted = ['nginx', 'tokenward', 'tokenward@24', 'naive'];
  const peers = allPeers({ against: [], cpuProf: undefined }).filter(
    ({ name, missing }) => wanted.includes(name) && missing() === undefined,
  );
  const facts = machine();
  const stage = await setStage(session, peers, facts.pinning);
  const figures: Figures[] = [];
  for (const { name } of peers) figures.push(await figuresOf(stage, name));
  progress('');
  await stage.close(() => 0);
  process.stdout.write(
    `  ${''.padEnd(14)}${'after start'.padStart(14)}${`per idle connection (${CONNECTIONS.toLocaleString('en')})`.padStart(32)}${`per kept MiB of a body (${BODIES})`.padStart(30)}\n`,
  );
  for (const { contender, atStart, perConnection, perBodyByte } of figures) {
    process.stdout.write(
      `  ${contender.padEnd(14)}${`${(atStart / MIB).toFixed(0)} MiB`.padStart(14)}${`${(perConnection / 1024).toFixed(1)} KiB`.padStart(32)}${`${perBodyByte.toFixed(2)} MiB`.padStart(30)}\n`,
    );
  }
  const leftOut = wanted.filter((name) => !peers.some((peer) => peer.name === name));
  if (leftOut.length > 0) process.stdout.write(`  left out, because they cannot run here: ${leftOut.join(', ')}\n`);
  process.stdout.write(
    `Resident memory of the process tree, at rest; what a collector has not given back is in it. A 2 GiB stream: npm run verify:hostile.\n`,
  );
  if (values.json !== undefined) {
    mkdirSync(dirname(resolve(values.json)), { recursive: true });
    writeFileSync(values.json, `${JSON.stringify({ machine: facts, figures }, null, 1)}\n`);
  }
  return 0;
});
