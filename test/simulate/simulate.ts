import { ACTIONS, SHARED, quiet } from './actions.ts';
import { DAY_MS, LOGINS_A_DAY, RENEWALS, RENEWALS_IN_MS, RESERVE, type AccountOptions } from './account.ts';
import type { BudgetLimits } from '../../src/tokens/budget.ts';
import { Costs } from './costs.ts';
import { Random } from './random.ts';
import { Violation, World, type WorldOptions } from './world.ts';

/** What one seed comes to. */
export interface History {
  readonly seed: number;
  readonly options: WorldOptions;
  /** Names of actions, in order. */
  readonly script: readonly string[];
}

export interface HistoryResult {
  /** Digest of everything that happened. */
  readonly digest: string;
  /** The broken rules; undefined: none. */
  readonly violation: string | undefined;
  readonly steps: number;
  readonly judged: number;
  readonly requests: number;
  readonly served: number;
}

const NAMES = Object.entries(ACTIONS).flatMap(([name, [weight]]) => Array.from({ length: weight }, () => name));

/** The history of a seed. */
export function historyOf(seed: number): History {
  const random = new Random(seed);
  const accounts = Array.from({ length: 2 + random.below(2) }, () => accountOf(random));
  const store = random.chance(0.6) ? 'redis' : 'embedded';
  const options = { store, processes: 2 + random.below(2) } as const;
  const script = Array.from({ length: 10 + random.below(40) }, () => random.pick(NAMES));
  // Drawn last, so that the other histories stay what they were.
  if (random.chance(0.1)) script.splice(random.below(script.length), 0, SHARED);
  // Drawn last, so that the other histories stay what they were.
  const containers = store === 'embedded' && random.chance(0.5);
  // Drawn last, so that the other histories stay what they were.
  const counted = random.chance(0.3) ? random.below(accounts.length) : undefined;
  const withBudget = accounts.map((account, i) =>
    i === counted ? { ...account, renewalBudget: renewalBudgetOf(random) } : account,
  );
  return { seed, options: { ...options, accounts: withBudget, containers }, script };
}

function accountOf(random: Random): AccountOptions {
  const kind = random.pick(['rotating', 'rotating', 'grace', 'login-only'] as const);
  return {
    endpoint: { kind, grace: kind === 'grace' ? 30_000 : 0, lifetime: random.pick([undefined, 60, 3_600]) },
    renew: random.pick(['early', 'on-demand']),
    budget:
      kind === 'rotating' && random.chance(0.5)
        ? { key: `logins-${random.below(1_000_000)}`, logins: LOGINS_A_DAY, window: DAY_MS, reserve: RESERVE }
        : undefined,
    renewalBudget: undefined,
  };
}

function renewalBudgetOf(random: Random): BudgetLimits {
  return { key: `renewals-${random.below(1_000_000)}`, logins: RENEWALS, window: RENEWALS_IN_MS, reserve: 0 };
}

/** Plays a history to its end, or to the first broken rule. */
export async function play({ seed, options, script }: History, print?: (line: string) => void): Promise<HistoryResult> {
  const random = new Random(seed ^ 0x5bd1e995);
  const world = new World(random, options, print);
  const result = (violation: string | undefined): HistoryResult => ({
    digest: world.digest(),
    violation,
    steps: world.rules.steps,
    judged: world.rules.judged,
    requests: world.requests,
    served: world.served,
  });
  try {
    await world.scheduler.advance(200);
    for (const name of script) {
      await stretch(world, name, () => ACTIONS[name]![1](world));
    }
    await stretch(world, 'the end', () => quiet(world));
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    return result(error.message);
  } finally {
    world.end();
  }
  return result(undefined);
}

/** One action, and what it cost. Throws a Violation. */
async function stretch(world: World, name: string, act: () => void | Promise<void>): Promise<void> {
  world.note(name);
  const costs = new Costs(world);
  await act();
  await world.scheduler.advance(1);
  costs.judge();
  world.check();
}

/** The shortest script found that still breaks a rule: leaves out ever smaller parts for as long as one is broken. */
export async function shrink(history: History, tries = 400): Promise<History> {
  let best = history;
  let left = tries;
  for (let size = Math.ceil(best.script.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < best.script.length && left > 0; left -= 1) {
      const script = [...best.script.slice(0, from), ...best.script.slice(from + size)];
      const shorter = { ...best, script };
      if ((await play(shorter)).violation === undefined) from += size;
      else best = shorter;
    }
    if (size === 1) break;
  }
  return best;
}
