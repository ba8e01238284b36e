import { LINK_FAULTS } from '../../faults/scenarios.ts';
import { pause } from '../pause.ts';
import type { Soak } from './run-state.ts';

/** How long a fault of a link lasts. ms. */
const FAULT = 1_200;

/** One fault after the other, on the way to the upstream or to its token endpoint. */
export async function disturbLinks(run: Soak): Promise<void> {
  // Half a request is answered with 400 by any server: that is no answer to judge by.
  const faults = LINK_FAULTS.filter(({ half }) => half !== true);
  while (!run.over) {
    await pause(run, run.random.between(2_000, 6_000));
    if (run.over) return;
    const onEndpoint = run.random.between(0, 2) < 1;
    const link = onEndpoint ? run.links.endpoint : run.links.upstream;
    await link.set(run.random.pick(faults).fault);
    link.drop();
    run.counts.linkFaults += 1;
    if (onEndpoint) run.counts.endpointFaults += 1;
    await pause(run, FAULT);
    await link.clear();
  }
}

/** Kills one of the two: at a point of a renewal, at any moment, or in the ordinary way. */
export async function kill(run: Soak): Promise<void> {
  while (!run.over) {
    await pause(run, run.random.between(2_000, 8_000));
    if (run.over) return;
    const { child } = run.stage;
    const how = run.random.between(0, 4);
    if (how < 2) await child.arm(`P${Math.floor(run.random.between(0, 10))}`, 'SIGKILL');
    else if (how < 3) child.kill('SIGTERM');
    await Promise.race([child.ended, pause(run, how < 3 ? 6_000 : 0)]);
    await run.stage.restart();
    run.counts.kills += 1;
  }
}
