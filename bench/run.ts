import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { chart } from './chart.ts';
import { LOADS } from './load.ts';
import { machine } from './machine.ts';
import { markdown } from './markdown.ts';
import { measure, warmUp, type Failure } from './measure.ts';
import { HELP, parseOptions, UsageError, type Options } from './options.ts';
import { allPeers, isOtherBuild, REFERENCE } from './peers/all.ts';
import type { Peer } from './peers/peer.ts';
import { BenchError } from './processes.ts';
import { progress, runProgram, type Session } from './program.ts';
import { comparisons, render, results, type Floor, type Report } from './report.ts';
import { setStage, type Stage } from './stage.ts';

/** Short, so that the machine's mood is the same for all in a round; long beside the kernel's ticks of 10 ms. */
const BURST_SECONDS = 1;

/** Those that run here, and why the others do not. */
function choose(
  peers: readonly Peer[],
  { only, quick }: Options,
): { chosen: Peer[]; leftOut: { name: string; why: string }[] } {
  const unknown = [...(only ?? [])].find((name) => !peers.some((peer) => peer.name === name));
  if (unknown !== undefined)
    throw new UsageError(`there is no contender "${unknown}"; there are: ${peers.map(({ name }) => name).join(', ')}`);
  const chosen: Peer[] = [];
  const leftOut: { name: string; why: string }[] = [];
  for (const peer of peers) {
    const why = peer.missing() ?? notWanted(peer, only, quick);
    if (why === undefined) chosen.push(peer);
    else leftOut.push({ name: peer.name, why });
  }
  if (chosen.length === 0)
    throw new BenchError(`no contender can run here: ${leftOut.map(({ why }) => why).join('; ')}`);
  return { chosen, leftOut };
}

function notWanted(peer: Peer, only: ReadonlySet<string> | undefined, quick: boolean): string | undefined {
  if (only === undefined) return quick && peer.slowRunsOnly === true ? 'it takes part in longer runs only' : undefined;
  return only.has(peer.name) || peer.name === REFERENCE || isOtherBuild(peer.name) ? undefined : 'it was not asked for';
}

/**
 * What of a latency at a constant rate is the upstream's and the generator's own: the same load without anybody in
 * between.
 */
async function floorOf({ generator, upstream, token }: Stage, options: Options): Promise<Floor | undefined> {
  const load = options.loads.find(({ perSecond }) => perSecond !== undefined);
  if (load === undefined) return undefined;
  const { p50, p99, late } = await generator.burst('the upstream itself', upstream.port, load, BURST_SECONDS, {
    Authorization: token,
  });
  return { p50, p99, ...(late !== undefined && { late }) };
}

async function bench(session: Session, options: Options): Promise<void> {
  const startedAt = new Date();
  const facts = machine();
  const { chosen, leftOut } = choose(allPeers(options), options);
  const stage = await setStage(session, chosen, facts.pinning);
  const { generator, upstream, contenders } = stage;

  progress('warming up');
  const early: Failure[] = await warmUp(generator, upstream, contenders, options.loads, options.quick ? 1 : 2);
  const floor = await floorOf(stage, options);
  const { bursts, failures, rounds } = await measure(
    generator,
    upstream,
    contenders,
    {
      loads: options.loads,
      rounds: options.rounds,
      burstSeconds: BURST_SECONDS,
      until: startedAt.getTime() + options.seconds * 1000,
      proxyCpu: facts.pinning?.proxy,
      progress,
    },
    early,
  );
  progress('');
  await stage.close((name) =>
    bursts.filter((burst) => burst.contender === name).reduce((sum, burst) => sum + burst.requests, 0),
  );

  const report: Report = {
    quick: options.quick,
    profiled: options.cpuProf !== undefined,
    startedAt: startedAt.toISOString(),
    machine: facts,
    upstream: upstream.about,
    load: generator.about,
    burstSeconds: BURST_SECONDS,
    rounds,
    loads: options.loads,
    otherLoads: LOADS.filter((load) => !options.loads.includes(load)).map(({ name }) => name),
    floor,
    reference: chosen.some(({ name }) => name === REFERENCE) ? REFERENCE : chosen[0]!.name,
    contenders: contenders.map(({ peer, running }) => ({
      name: peer.name,
      about: peer.about,
      version: running.version,
    })),
    leftOut,
    failures,
    bursts,
  };
  process.stdout.write(render(report));
  if (options.markdown) process.stdout.write(`\n${markdown(report)}`);
  if (options.svg !== undefined) write(options.svg, chart(report));
  if (options.json !== undefined) {
    const { bursts: raw, ...head } = report;
    write(
      options.json,
      `${JSON.stringify({ ...head, results: results(report), comparisons: comparisons(report), bursts: raw }, null, 1)}\n`,
    );
  }
}

function write(path: string, text: string): void {
  const file = resolve(path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

runProgram('bench', async (session) => {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) {
    process.stdout.write(HELP);
  } else if (options.list) {
    for (const peer of allPeers(options))
      process.stdout.write(`${peer.name.padEnd(12)}  ${peer.missing() ?? peer.about}\n`);
  } else {
    await bench(session, options);
  }
  return 0;
});
