import { LOADS } from './load.ts';
import { find, machine } from './machine.ts';
import { measure, ratios, spread, warmUp, type Burst } from './measure.ts';
import { allPeers } from './peers/all.ts';
import { BenchError } from './processes.ts';
import { runProgram } from './program.ts';
import { setStage } from './stage.ts';

/**
 * The least that naive ÷ tokenward may be, in CPU per request of a small GET. A ratio, because times say more about the
 * machine than about us; about half of what is usual, because a machine of CI is noisy. Newer versions of Node run the
 * naive proxy cheaper. Without wrk the load is too weak to show all of the difference.
 */
const LEAST = (Number(process.versions.node.split('.')[0]) < 22 ? 2.5 : 1.2) * (find('wrk') === undefined ? 0.7 : 1);
/** Where other programs had the CPU in most rounds, everybody pays for cold caches alike, and the ratio shrinks. */
const BUSY = 0.6;
const ROUNDS = 5;
/** A failure must show twice. */
const TRIES = 2;

/** Prints one line that closes as the other suites do. */
runProgram('guard', async (session) => {
  const peers = allPeers({ against: [], cpuProf: undefined }).filter(
    ({ name }) => name === 'tokenward' || name === 'naive',
  );
  for (const peer of peers) {
    const why = peer.missing();
    if (why !== undefined) throw new BenchError(why);
  }
  const facts = machine();
  const loads = LOADS.filter(({ key }) => key === 'get');
  const stage = await setStage(session, peers, facts.pinning);
  const all: Burst[] = [];
  const medians: number[] = [];
  let least = LEAST;
  await warmUp(stage.generator, stage.upstream, stage.contenders, loads, 2);
  while (medians.length < TRIES && !(medians.at(-1)! >= least)) {
    const { bursts, failures } = await measure(stage.generator, stage.upstream, stage.contenders, {
      loads,
      rounds: ROUNDS,
      burstSeconds: 1,
      until: Infinity,
      proxyCpu: facts.pinning?.proxy,
      progress: () => undefined,
    });
    const failure = failures[0];
    if (failure !== undefined) throw new BenchError(`${failure.contender}: ${failure.why}`);
    all.push(...bursts);
    const { values, disturbed } = ratios(bursts, loads[0]!.name, 'naive', 'tokenward');
    medians.push(spread(values).median);
    least = disturbed ? BUSY * LEAST : LEAST;
  }
  await stage.close((name) =>
    all.filter(({ contender }) => contender === name).reduce((sum, { requests }) => sum + requests, 0),
  );
  const passed = medians.at(-1)! >= least;
  process.stdout.write(
    `guard: ${passed ? '1 passed, 0 failed' : '0 passed, 1 failed'} (naive ÷ tokenward, CPU per request: ${medians.map((median) => median.toFixed(2)).join(', then ')}; at least ${least.toFixed(2)}${least < LEAST ? ' on a machine as busy as this' : ''}; ${ROUNDS} rounds)\n`,
  );
  return passed ? 0 : 1;
});
