import { isDeepStrictEqual } from 'node:util';
import type { Answer } from '../support/call.ts';
import { eventually } from '../support/eventually.ts';
import type { Count } from './authorization-server.ts';
import type { Stage } from './stage.ts';

/*
 * What must hold when a hundred requests meet a dead token at a real authorization server. Each proof has an account of
 * its own; the server's own counts decide.
 */

/** Notes what is wrong. */
export type Note = (wrong: string) => void;

export interface Proof {
  readonly name: string;
  /** `callers`: how many requests meet the dead token at once. */
  make(stage: Stage, callers: number, note: Note): Promise<void>;
}

const ONE_GRANT: Count = { granted: 1, refused: [], revoked: 0 };
const ROUNDS = 3;
/** In which a token must be there again. ms. */
const RECOVERY_MS = 30_000;

export const PROOFS: readonly Proof[] = [
  {
    name: 'a dead token costs one renewal',
    async make(stage, callers, note) {
      await begin(stage, note);
      for (let round = 0; round < ROUNDS; round += 1) {
        await stage.kill();
        allWell(note, await stage.ask(callers));
        equal(note, 'counted', await stage.counted(), ONE_GRANT);
      }
    },
  },
  {
    name: 'the connection is cut before the request is looked at',
    async make(stage, callers, note) {
      await begin(stage, note);
      await cutDuring(stage, callers, 'before it is looked at', note);
      await recovered(stage);
      allWell(note, await stage.ask(callers));
      // By the refresh token that was not spent, or by a login in its place.
      equal(note, 'counted', await stage.counted(), ONE_GRANT);
      await goesOn(stage, callers, note);
    },
  },
  {
    name: 'the connection is cut after the request is carried out',
    async make(stage, callers, note) {
      await begin(stage, note);
      await cutDuring(stage, callers, 'after it is carried out', note);
      if (stage.account.recovery === 'person') {
        await dies(stage, callers, note);
      } else {
        await recovered(stage);
        allWell(note, await stage.ask(callers));
        // The lost grant, and the one in its place.
        equal(note, 'counted', await stage.counted(), { ...ONE_GRANT, granted: 2 });
      }
      await goesOn(stage, callers, note);
    },
  },
];

/** The first request brings a token. */
async function begin(stage: Stage, note: Note): Promise<void> {
  allWell(note, await stage.ask(1));
  equal(note, 'counted at first', await stage.counted(), ONE_GRANT);
}

async function cutDuring(
  stage: Stage,
  callers: number,
  when: NonNullable<Stage['server']['cutNext']>,
  note: Note,
): Promise<void> {
  await stage.kill();
  stage.server.cutNext = when;
  for (const { status, headers } of await stage.ask(callers)) {
    // An account without a login may have to wait, or be dead by now; nobody gets a worse response.
    const known = status === 200 || (status === 503 && headers['x-tokenward-error'] !== undefined);
    if (!known) note(`a caller got ${status}`);
  }
  if (stage.server.cutNext !== undefined) note('no token request was cut');
}

async function recovered(stage: Stage): Promise<void> {
  await eventually(
    'the account serves again',
    async () => {
      const [answer] = await stage.ask(1);
      if (answer!.headers['x-tokenward-error'] === 'credential_dead') throw new Error('the account is dead');
      return answer!.status === 200;
    },
    RECOVERY_MS,
  );
}

/**
 * Without a login nobody can help: the only copy of the new refresh token went down with the connection. The current
 * one is tried once more, because it may be unspent; then nothing is sent until a person consents again.
 */
async function dies(stage: Stage, callers: number, note: Note): Promise<void> {
  await eventually(
    'the account says that it is dead',
    async () => (await stage.ask(1)).every(({ headers }) => headers['x-tokenward-error'] === 'credential_dead'),
    RECOVERY_MS,
  );
  for (const { status, headers } of await stage.ask(callers)) {
    const found = [status, headers['x-tokenward-error'], headers['retry-after']];
    if (!isDeepStrictEqual(found, [503, 'credential_dead', undefined])) note(`a caller got ${JSON.stringify(found)}`);
  }
  equal(note, 'dead', await stage.isDead(), true);
  const { granted, refused, revoked } = await stage.counted();
  equal(note, 'lost grants', granted, 1);
  // The family was lost with its only refresh token, so that its end costs nothing.
  if (refused.length !== 1 || revoked > 1) note(`refused ${JSON.stringify(refused)}, revoked ${revoked}`);
  await stage.consentAgain();
  allWell(note, await stage.ask(1));
  equal(note, 'counted after a new consent', await stage.counted(), ONE_GRANT);
}

/** As if nothing had happened. */
async function goesOn(stage: Stage, callers: number, note: Note): Promise<void> {
  await stage.kill();
  allWell(note, await stage.ask(callers));
  equal(note, 'counted afterwards', await stage.counted(), ONE_GRANT);
}

function allWell(note: Note, answers: readonly Answer[]): void {
  const bad = answers.filter(({ status }) => status !== 200);
  if (bad.length > 0)
    note(`${bad.length} of ${answers.length} got ${bad[0]!.status} ${String(bad[0]!.headers['x-tokenward-error'])}`);
}

function equal(note: Note, what: string, found: unknown, wanted: unknown): void {
  const [a, b] = [JSON.stringify(found), JSON.stringify(wanted)];
  if (a !== b) note(`${what}: ${a} instead of ${b}`);
}

/** What was wrong, or undefined. */
export async function prove(proof: Proof, stage: Stage, callers: number): Promise<string | undefined> {
  const wrong: string[] = [];
  await proof.make(stage, callers, (text) => void wrong.push(text));
  wrong.push(...stage.api.problems);
  if (wrong.length === 0) return undefined;
  return [...new Set([...wrong, ...stage.errors.slice(0, 3)])].join('; ');
}
