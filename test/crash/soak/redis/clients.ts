import { MODES, targetsOf } from '../../modes.ts';
import type { CallerEntry } from '../../callers.ts';
import type { Account } from './accounts.ts';
import { pause } from '../pause.ts';
import type { Replica } from './replica.ts';
import type { RedisSoak } from './run-state.ts';

/**
 * Between two requests of one client. ms. With a pause of 900 the memory of the workers rose for 50 minutes before it
 * stayed flat: V8 collects its old generation by what is allocated, not by the clock.
 */
const PAUSE = 300;
/** To an account that cannot serve. */
const LONG_PAUSE = 2_500;
/** A connection on its way to a worker that is killed is answered by nobody: a client gives up. ms. */
const PATIENCE = 20_000;

const { read, write } = targetsOf(MODES[0]!);

/** Which replica each request went to. */
export const askedOf = new WeakMap<CallerEntry, string>();

/** One client for each account at each replica; every fourth request is a write. */
export function startClients(run: RedisSoak, inFlight: Set<Promise<unknown>>): Promise<void>[] {
  return [run.undisturbed, run.survivor, run.victim].flatMap((replica) =>
    run.accounts.map((account) => callForever(run, replica, account, inFlight)),
  );
}

async function callForever(
  run: RedisSoak,
  replica: Replica,
  account: Account,
  inFlight: Set<Promise<unknown>>,
): Promise<void> {
  const { role, callers } = account;
  for (let turn = 0; !run.over; turn += 1) {
    await pause(run, (role.healthy ? PAUSE : LONG_PAUSE) * run.random.between(0.5, 1.5));
    const base = replica.url;
    if (run.paused || run.over || base === undefined) continue;
    const method = turn % 4 === 0 ? 'POST' : 'GET';
    // The vendor's paths begin with /api in a crash test of one account.
    const target = (method === 'GET' ? read : write).replace(/^\/api/, `/${role.name}`);
    const request = callers.send(base, method, target, PATIENCE);
    inFlight.add(request);
    askedOf.set(await request, replica.name);
    inFlight.delete(request);
  }
}
