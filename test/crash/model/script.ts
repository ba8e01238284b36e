import fc from 'fast-check';
import type { Token } from '../../../src/tokens/token.ts';
import type { Weather } from './endpoint.ts';
import { settle } from './timeline.ts';
import { ACCOUNT, Violation, World, type Process, type WorldOptions } from './world.ts';

/** What can happen, how often in a script, and how. `pick` is one number that decides every detail. */
type Action = (world: World, pick: number) => void | Promise<void>;

const WEATHERS: readonly Weather[] = ['fine', 'fine', 'unreachable', 'error', 'answer lost', 'hanging'];
const PASSES = [20, 200, 1_000, 3_000, 3_000, 16_000, 31_000, 65_000] as const;
const SLEEPS = [600_000, 7_200_000, 90_000_000] as const;
const JUMPS = [3_600_000, -3_600_000, 86_400_000, -86_400_000, 20_000, -20_000] as const;
const FATES = ['lost', 'happened', 'late'] as const;

const ACTIONS: Readonly<Record<string, readonly [weight: number, action: Action]>> = {
  'a caller': [
    8,
    (world, pick) => {
      const process = ready(world, pick);
      if (process !== undefined) world.get(process);
    },
  ],
  'upstream refuses the newest': [
    6,
    (world, pick) => withToken(world, pick, (process) => world.refuse(process, world.held.at(-1)!)),
  ],
  'upstream refuses an older one': [
    3,
    (world, pick) => withToken(world, pick, (process) => world.refuse(process, at(world.held, pick >> 1))),
  ],
  'something happens next': [
    18,
    async (world, pick) => {
      // Anything that is under way may be the next to happen; timers only when time passes.
      const open = [...world.time.pending].filter(({ kind }) => kind !== 'timer');
      if (open.length > 0) await world.time.now(at(open, pick));
    },
  ],
  'time passes': [8, (world, pick) => world.time.pass(at(PASSES, pick))],
  'the machine sleeps': [
    2,
    (world, pick) => {
      world.leaseInDoubt = true;
      return world.sleep(at(SLEEPS, pick));
    },
  ],
  'a process is stopped for a while': [
    2,
    async (world, pick) => {
      const process = world.processes[pick % 2]!;
      world.leaseInDoubt = true;
      world.time.stopped.add(process);
      world.get(world.processes[(pick + 1) % 2]!);
      await world.time.pass(at([16_000, 40_000, 80_000], pick >> 1));
      world.time.stopped.delete(process);
    },
  ],
  'the machine sleeps in the midst of a renewal': [
    1,
    async (world, pick) => {
      const process = ready(world, pick);
      if (process === undefined || world.held.length === 0) return;
      world.leaseInDoubt = true;
      world.refuse(process, world.held.at(-1)!);
      await steps(world, (pick >> 1) % 16, () => 0);
      await world.sleep(600_000);
      await world.time.pass(10);
      world.get(process);
      await world.time.pass(100);
    },
  ],
  'both processes renew, one step of either at a time': [
    2,
    async (world, pick) => {
      if (world.held.length === 0 || !world.processes.every((process) => process.ready)) return;
      for (const process of world.processes) world.refuse(process, world.held.at(-1)!);
      let random = pick;
      await steps(world, 30, () => (random = (random * 75 + 74) % 65_537));
    },
  ],
  'the endpoint acts, and its answers get lost': [
    1,
    async (world, pick) => {
      const process = ready(world, pick);
      if (process === undefined || world.held.length === 0) return;
      world.endpoint.weather = 'answer lost';
      world.refuse(process, world.held.at(-1)!);
      // Back-offs of 2 and 4 s, so that several tries fall within a grace of 30 s.
      for (const ms of [3_000, 6_000, 6_000]) {
        await world.time.pass(ms);
        world.get(process);
      }
      await world.time.pass(1_000);
      world.endpoint.weather = 'fine';
    },
  ],
  'one process renews while the other hesitates': [
    2,
    async (world, pick) => {
      if (world.held.length === 0 || !world.processes.every((process) => process.ready)) return;
      const slow = world.processes[pick % 2]!;
      world.refuse(slow, world.held.at(-1)!);
      await steps(world, (pick >> 1) % 6, () => 0);
      world.time.stopped.add(slow);
      world.refuse(world.processes[(pick + 1) % 2]!, world.held.at(-1)!);
      await world.time.pass(1_000);
      world.time.stopped.delete(slow);
      await world.time.pass(100);
    },
  ],
  'a process is stopped in the midst of a renewal': [
    2,
    async (world, pick) => {
      const process = ready(world, pick);
      if (process === undefined || world.held.length === 0) return;
      world.leaseInDoubt = true;
      world.refuse(process, world.held.at(-1)!);
      await steps(world, (pick >> 1) % 16, () => 0);
      world.time.stopped.add(process);
      const other = world.processes[(pick + 1) % 2]!;
      if (other.ready) world.refuse(other, world.held.at(-1)!);
      await world.time.pass(at([40_000, 80_000], pick >> 5));
      world.time.stopped.delete(process);
    },
  ],
  'a process crashes': [
    4,
    (world, pick) => {
      let bits = pick >> 2;
      world.crash(
        pick % 2,
        () => {
          bits = Math.floor(bits / 3) + 7;
          return at(FATES, bits);
        },
        (pick & 2) === 0,
      );
    },
  ],
  'other weather': [
    4,
    (world, pick) => {
      world.endpoint.weather = at(WEATHERS, pick);
    },
  ],
  'a store fails or works again': [
    2,
    (world, pick) => {
      const { line } = world.processes[pick % 2]!;
      line.down = !line.down;
      world.leaseInDoubt = true;
    },
  ],
  'a store lies once': [
    1,
    (world, pick) => {
      world.processes[pick % 2]!.line.lies = true;
      world.leaseInDoubt = true;
    },
  ],
  'the lease is lost': [
    1,
    (world) => {
      world.disk.lease = undefined;
      world.leaseInDoubt = true;
    },
  ],
  'the clock is set': [1, (world, pick) => world.time.jump(at(JUMPS, pick))],
  'the password stops or starts working': [
    1,
    (world) => {
      world.endpoint.passwordWorks = !world.endpoint.passwordWorks;
    },
  ],
  'an operator renews': [
    1,
    (world, pick) => {
      const process = ready(world, pick);
      if (process !== undefined) world.renewNow(process, (pick & 2) !== 0);
    },
  ],
};

export interface Run {
  readonly options: WorldOptions;
  readonly script: readonly (readonly [name: string, pick: number])[];
}

/** Runs to try; shrinks to short ones. */
export const runs: fc.Arbitrary<Run> = fc.record({
  options: fc.record({
    grace: fc.constantFrom(0, 0, 30_000),
    renew: fc.constantFrom('on-demand' as const, 'early' as const),
    lifetime: fc.constantFrom(undefined, 60, 3_600),
    budget: fc.boolean(),
  }),
  script: fc.array(
    fc.tuple(
      fc.constantFrom(
        ...Object.entries(ACTIONS).flatMap(([name, [weight]]) => Array.from({ length: weight }, () => name)),
      ),
      fc.nat(999),
    ),
    { minLength: 8, maxLength: 40, size: 'max' },
  ),
});

/** Plays one run. Rejects with a Violation if a rule was broken. */
export async function play({ options, script }: Run): Promise<void> {
  const world = new World(options);
  world.start(0);
  world.start(1);
  await world.time.pass(50);
  for (const [name, pick] of script) {
    await ACTIONS[name]![1](world, pick);
    await world.look();
  }
  await finish(world);
}

/** Everything works again: everybody who waits is answered, and a good token is to be had. */
async function finish(world: World): Promise<void> {
  world.endpoint.weather = 'fine';
  world.endpoint.passwordWorks = true;
  for (const { line } of world.processes) {
    line.down = false;
    line.lies = false;
  }
  await world.time.pass(120_000);
  await world.look();
  for (const process of world.processes) {
    if (process.waiting.length > 0) throw new Violation(`${process.waiting.length} callers were never answered`);
    if (process.manager.status()[0]!.generation > (world.disk.record?.generation ?? 0))
      throw new Violation('a token in use is not stored, though the store has worked for long');
    await recover(world, process);
  }
}

async function recover(world: World, process: Process): Promise<void> {
  let refused: Token | undefined;
  for (let attempt = 0; attempt < 12; attempt += 1) {
    let token: Token | undefined;
    const newerThan = refused?.generation ?? 0;
    process.waiting.push(newerThan);
    const asked = (async () =>
      refused === undefined ? process.manager.get(ACCOUNT) : process.manager.renew(ACCOUNT, refused))().then(
      (got) => (token = got),
      () => undefined,
    );
    await world.time.pass(1_000);
    await Promise.race([asked, world.look()]);
    process.waiting.splice(process.waiting.indexOf(newerThan), 1);
    if (token !== undefined && world.endpoint.accepts(token.reveal())) return;
    refused = token ?? refused;
    const record = await world.durable();
    if (record?.dead !== undefined) return;
    if (world.options.budget && world.disk.debits.filter((debit) => debit > world.time.wall() - 86_400_000).length >= 4)
      return;
    await world.time.pass(400_000);
    await world.look();
  }
  throw new Violation('no good token is to be had though everything works');
}

/** So many things happen, each chosen among what is under way; no time passes. */
async function steps(world: World, count: number, choose: () => number): Promise<void> {
  await settle();
  for (let step = 0; step < count; step += 1) {
    const open = [...world.time.pending].filter(({ kind }) => kind !== 'timer');
    if (open.length > 0) await world.time.now(at(open, choose()));
  }
}

function ready(world: World, pick: number): Process | undefined {
  const process = world.processes[pick % 2]!;
  return process.ready ? process : undefined;
}

function withToken(world: World, pick: number, action: (process: Process) => void): void {
  const process = ready(world, pick);
  if (process !== undefined && world.held.length > 0) action(process);
}

function at<T>(list: readonly T[], pick: number): T {
  return list[pick % list.length]!;
}
