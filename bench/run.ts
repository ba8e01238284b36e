import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { loadGenerator } from './load.ts';
import { machine } from './machine.ts';
import { measure, warmUp, type Contender } from './measure.ts';
import { HELP, parseOptions, UsageError, type Options } from './options.ts';
import { allPeers, isOtherBuild, REFERENCE } from './peers/all.ts';
import type { Peer } from './peers/peer.ts';
import { BenchError, freePort, Processes } from './processes.ts';
import { comparisons, render, results, type Report } from './report.ts';
import { startTokenEndpoint } from './token-endpoint.ts';
import { startUpstream } from './upstream.ts';
import { verifyContender, verifyUpstream } from './verify.ts';

/** Short, so that the machine's mood is the same for all in a round; long beside the kernel's ticks of 10 ms. */
const BURST_SECONDS = 1;

const processes = new Processes();
let folder: string | undefined;

async function cleanUp(): Promise<void> {
  await processes.stopAll();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

/** Those that run here, and why the others do not. */
function choose(peers: readonly Peer[], { only, quick }: Options): { chosen: Peer[]; leftOut: { name: string; why: string }[] } {
  const unknown = [...(only ?? [])].find((name) => !peers.some((peer) => peer.name === name));
  if (unknown !== undefined) throw new UsageError(`there is no contender "${unknown}"; there are: ${peers.map(({ name }) => name).join(', ')}`);
  const chosen: Peer[] = [];
  const leftOut: { name: string; why: string }[] = [];
  for (const peer of peers) {
    const why = peer.missing() ?? notWanted(peer, only, quick);
    if (why === undefined) chosen.push(peer);
    else leftOut.push({ name: peer.name, why });
  }
  if (chosen.length === 0) throw new BenchError(`no contender can run here: ${leftOut.map(({ why }) => why).join('; ')}`);
  return { chosen, leftOut };
}

function notWanted(peer: Peer, only: ReadonlySet<string> | undefined, quick: boolean): string | undefined {
  if (only === undefined) return quick && peer.slowRunsOnly === true ? 'it takes part in longer runs only' : undefined;
  return only.has(peer.name) || peer.name === REFERENCE || isOtherBuild(peer.name) ? undefined : 'it was not asked for';
}

async function bench(options: Options): Promise<void> {
  const startedAt = new Date();
  const facts = machine();
  const { chosen, leftOut } = choose(allPeers(options), options);
  folder = mkdtempSync(join(tmpdir(), 'tokenward-bench-'));
  // nginx's workers give up root's rights and must still find their way.
  chmodSync(folder, 0o711);

  const token = `bench-${randomBytes(24).toString('hex')}`;
  const callerKey = randomBytes(32).toString('base64url');
  const generator = loadGenerator(processes, facts.pinning?.others, callerKey);
  const upstream = await startUpstream({ processes, folder, cpu: facts.pinning?.others, token });
  await verifyUpstream(upstream.port, callerKey);
  const endpoint = await startTokenEndpoint(token);

  const contenders: Contender[] = [];
  for (const peer of chosen) {
    progress(`starting ${peer.name}`);
    const own = join(folder, peer.name.replace(':', '-'));
    mkdirSync(own);
    const running = await peer.start({ processes, folder: own, port: await freePort(), cpu: facts.pinning?.proxy, upstreamPort: upstream.port, token, tokenEndpoint: endpoint.url, callerKey });
    const contender = { peer, running };
    await verifyContender(contender, callerKey);
    contenders.push(contender);
  }

  progress('warming up');
  await warmUp(generator, upstream, contenders, options.loads, options.quick ? 1 : 3);
  const { bursts, rounds } = await measure(generator, upstream, contenders, { loads: options.loads, rounds: options.rounds, burstSeconds: BURST_SECONDS, until: startedAt.getTime() + options.seconds * 1000, proxyCpu: facts.pinning?.proxy, progress });
  progress('');
  for (const { peer, running } of contenders) {
    await running.verifyAfter?.(bursts.filter((burst) => burst.contender === peer.name).reduce((sum, burst) => sum + burst.requests, 0));
    await running.stop();
  }
  endpoint.close();

  const report: Report = {
    quick: options.quick, profiled: options.cpuProf !== undefined, startedAt: startedAt.toISOString(), machine: facts, upstream: upstream.about, load: generator.about,
    burstSeconds: BURST_SECONDS, rounds, loads: options.loads, reference: chosen.some(({ name }) => name === REFERENCE) ? REFERENCE : chosen[0]!.name,
    contenders: contenders.map(({ peer, running }) => ({ name: peer.name, about: peer.about, version: running.version })), leftOut, bursts,
  };
  process.stdout.write(render(report));
  if (options.json !== undefined) {
    const file = resolve(options.json);
    mkdirSync(dirname(file), { recursive: true });
    const { bursts: raw, ...head } = report;
    writeFileSync(file, `${JSON.stringify({ ...head, results: results(report), comparisons: comparisons(report), bursts: raw }, null, 1)}\n`);
  }
}

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  if (options.list) {
    for (const peer of allPeers(options)) process.stdout.write(`${peer.name.padEnd(10)}  ${peer.missing() ?? peer.about}\n`);
    return 0;
  }
  if (process.platform !== 'linux') throw new BenchError('CPU times are read from /proc: this needs Linux');
  await bench(options);
  return 0;
}

let stopping = false;
async function end(code: number): Promise<void> {
  if (stopping) return;
  stopping = true;
  await cleanUp();
  process.exit(code);
}
process.on('SIGINT', () => void end(130));
process.on('SIGTERM', () => void end(143));

main().then(end, (error: unknown) => {
  // Stopped by a signal: what fails now fails because of it.
  if (stopping) return;
  const expected = error instanceof BenchError || error instanceof UsageError;
  process.stderr.write(`\nbench: ${expected ? error.message : String(error instanceof Error ? error.stack : error)}\n`);
  void end(1);
});
