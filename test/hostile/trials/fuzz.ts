import { Caller } from '../caller.ts';
import { framing, headers } from '../corpus/all.ts';
import { credentialsWrong } from '../judge-requests.ts';
import { joined, wait } from '../pieces.ts';
import { randomFrom, type Random } from '../../harness/random.ts';
import { echo, type Arrival } from '../raw-server.ts';
import type { Stage } from '../stage.ts';

/** One item with one byte of it changed. */
interface Mutant {
  readonly item: string;
  readonly at: number;
  readonly byte: number;
  readonly bytes: Buffer;
}

export interface FuzzResult {
  readonly cases: number;
  /** All there are; `cases` of them were drawn. */
  readonly possible: number;
  /** Requests that got through, each read by the strict reader. */
  readonly through: number;
  readonly wrong: readonly string[];
}

const POSITIONS = 10;
/** A caller who hears nothing for so long hangs up: most of what was changed is waited for in vain. */
const SILENCE = 100;
const TOGETHER = 64;
/** Longer items repeat themselves. */
const SIZE_MOST = 4_096;

/**
 * Every byte from 0x00 to 0xff at ten places of each item of classes A and C, or a sample of that. What reaches the
 * upstream is read by the strict reader: whole, plain requests on allowed targets, with our token once, or nothing.
 */
export async function fuzz(stage: Stage, seed: number, budget: number, seconds: number): Promise<FuzzResult> {
  const { api } = stage;
  const random = randomFrom(seed);
  const all = mutants(random, stage.self);
  const chosen = budget >= all.length ? all : sample(all, budget, random);
  const wrong: string[] = [];
  // What earlier items left unfinished is not this one's.
  api.cut();
  await wait(100);
  api.mark();
  const deadline = Date.now() + seconds * 1000;
  let cases = 0;
  let through = 0;
  let next = 0;
  const running = new Set<Mutant>();
  const suspects = new Set<Mutant>();
  const sightings: string[] = [];
  api.answerer = (arrival) => {
    through += 1;
    const problem = requestWrong(arrival, stage.token());
    // Which of those under way it was is found out afterwards, one by one.
    if (problem !== undefined) {
      sightings.push(`${problem}: ${arrival.request.method} ${arrival.request.target}`);
      for (const mutant of running) suspects.add(mutant);
    }
    return echo(arrival);
  };
  const work = async (): Promise<void> => {
    while (next < chosen.length && Date.now() < deadline && suspects.size < 400) {
      const mutant = chosen[next]!;
      next += 1;
      running.add(mutant);
      const faults = api.faults.length;
      await send(stage, mutant);
      if (api.faults.length > faults) for (const other of running) suspects.add(other);
      running.delete(mutant);
      cases += 1;
      if (api.arrivals.length > 1_000) api.arrivals = [];
    }
  };
  await Promise.all(Array.from({ length: TOGETHER }, work));
  await settled(stage);
  if (api.unanswered > 0) wrong.push(`${api.unanswered} connections left with an unfinished request`);
  const found = suspects.size > 0 || api.faults.length > 0;
  if (found) wrong.push(...(await culprits(stage, [...suspects])));
  if (found && wrong.length === 0)
    wrong.push(`something that did not happen again: ${api.faults[0]?.what ?? sightings[0] ?? ''}`);
  api.answerer = echo;
  api.cut();
  return { cases, possible: all.length, through, wrong };
}

function mutants(random: Random, self: string): Mutant[] {
  const all: Mutant[] = [];
  for (const { id, send: pieces } of [...framing, ...headers]) {
    const original = Buffer.from(joined(pieces).toString('latin1').replaceAll('{self}', self), 'latin1').subarray(
      0,
      SIZE_MOST,
    );
    const places = new Set<number>();
    while (places.size < Math.min(POSITIONS, original.length)) places.add(Math.floor(random.next() * original.length));
    for (const at of places) {
      for (let byte = 0; byte < 256; byte += 1) {
        const bytes = Buffer.from(original);
        bytes[at] = byte;
        all.push({ item: id, at, byte, bytes });
      }
    }
  }
  return all;
}

function sample(all: readonly Mutant[], count: number, random: Random): Mutant[] {
  const left = [...all];
  return Array.from({ length: count }, () => {
    const at = Math.floor(random.next() * left.length);
    const one = left[at]!;
    left[at] = left.at(-1)!;
    left.pop();
    return one;
  });
}

async function send({ subject }: Stage, { bytes }: Mutant): Promise<void> {
  const caller = await Caller.open(subject);
  await caller.say([bytes]);
  const observed = await caller.answer('GET', SILENCE);
  // A moment for what may come behind the answer.
  if (observed.kind === 'answer') await caller.closesWithin(4);
  caller.hangUp();
}

/** Hop-by-hop fields and callers' credentials. */
const NEVER_ON = new Set([
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'upgrade',
  'expect',
  'proxy-authorization',
  'x-tokenward-key',
  'authorizationjwt',
  'refresh',
  'x-forwarded-for',
  'forwarded',
  'x-real-ip',
]);

/** What the strict reader could read, but what should not have been sent. */
function requestWrong({ request }: Arrival, token: string): string | undefined {
  const { method, target } = request;
  if (!['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].includes(method)) return `method ${method}`;
  if (!/^\/base(?=[/?])/.test(target)) return `target ${target}`;
  const path = target.split('?', 1)[0]!;
  if (/\/\.{1,2}(?:[/;]|$)/.test(path) || /%(?:2f|5c|2e|7f|[01][0-9a-f])/i.test(path) || path.includes('\\'))
    return `target ${target}`;
  // By name: what stood in it may be what was changed.
  const stray = request.fields.find(([name]) => NEVER_ON.has(name.toLowerCase().replaceAll('_', '-')));
  if (stray !== undefined) return `with ${stray[0]}`;
  return credentialsWrong(
    { ...request, fields: request.fields.filter(([name]) => /^authorization$/i.test(name)) },
    token,
  );
}

async function settled({ api }: Stage): Promise<void> {
  for (let i = 0; i < 40 && api.unanswered > 0; i += 1) await wait(50);
}

/** Each suspect by itself: which of them does it? */
async function culprits(stage: Stage, suspects: readonly Mutant[]): Promise<string[]> {
  const { api } = stage;
  const found: string[] = [];
  for (const mutant of suspects) {
    // A connection that is out of step would be blamed on the next one; cutting it takes the proxy a moment to notice.
    if (api.faults.length > 0 || api.unanswered > 0) api.cut();
    await wait(10);
    api.mark();
    let problem: string | undefined;
    api.answerer = (arrival) => {
      problem ??= requestWrong(arrival, stage.token());
      return echo(arrival);
    };
    await send(stage, mutant);
    await wait(10);
    problem ??= api.faults[0]?.what;
    if (problem !== undefined)
      found.push(
        `${mutant.item}, byte ${mutant.at} = 0x${mutant.byte.toString(16).padStart(2, '0')}: ${problem}; sent ${JSON.stringify(mutant.bytes.toString('latin1', 0, 200))}`,
      );
    if (found.length >= 20) break;
  }
  return found;
}
