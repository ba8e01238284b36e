import {
  doors,
  framing,
  headers,
  inspection,
  mustPass,
  oneConnection,
  replies,
  target,
  tokenEndpoint,
  tunnels,
} from './corpus/all.ts';
import type { RequestItem } from './item.ts';
import { judgeInspection } from './judge-inspection.ts';
import { judgeReply } from './judge-replies.ts';
import { judgeRequest, type Place, type Verdict } from './judge-requests.ts';
import { DeadTokens, judgeTokens } from './judge-tokens.ts';
import type { ClassName } from './options.ts';
import type { ClassResult } from './report.ts';
import type { Stage } from './stage.ts';

/** Told of every verdict as it falls. */
export type OnVerdict = (what: string, wrong: string | undefined) => void;

interface Case {
  readonly what: string;
  judge(stage: Stage): Promise<Verdict>;
}

const requests = (items: readonly RequestItem[], places: readonly Place[]): Case[] =>
  items.flatMap((item) =>
    places.map((place) => ({
      what: `${item.id} ${item.about}${place === 'alone' ? '' : ` (${place})`}`,
      judge: (stage: Stage) => judgeRequest(stage, item, place),
    })),
  );

export const TITLES: Readonly<Record<ClassName, string>> = {
  A: 'A framing',
  B: 'B target',
  C: 'C headers',
  P: 'must pass',
  D: 'D upstream replies',
  E: 'E inspection',
  F: 'F token endpoint',
  G: 'G doors',
  H: 'H one connection',
  T: 'T forward proxy',
};

/** What can be asked of the baseline as well: it knows neither dead tokens nor token endpoints. */
export const ALSO_BASELINE: readonly ClassName[] = ['A', 'B', 'C', 'P', 'D'];

function casesOf(name: Exclude<ClassName, 'F' | 'T'>): Case[] {
  switch (name) {
    // Also behind a good request on the same connection: sent after its answer, and in one write with it. And where
    // node:http reads from the first byte on.
    case 'A':
      return requests(framing, ['alone', 'kept', 'pipelined', 'node:http']);
    case 'B':
      return requests(target, ['alone', 'node:http']);
    case 'C':
      return requests(headers, ['alone', 'kept', 'pipelined', 'node:http']);
    case 'P':
      return requests(mustPass, ['alone', 'kept', 'node:http']);
    case 'G':
      return requests(doors, ['alone', 'kept', 'node:http']);
    case 'H':
      return requests(oneConnection, ['alone', 'kept', 'pipelined', 'node:http']);
    case 'D':
      return replies.map((item) => ({ what: `${item.id} ${item.about}`, judge: (stage) => judgeReply(stage, item) }));
    case 'E':
      return inspection.map((item) => ({
        what: `${item.id} ${item.about}`,
        judge: (stage) => judgeInspection(stage, item),
      }));
  }
}

/** Items, without the places they are tried in. */
export const COUNTS: Readonly<Record<ClassName, number>> = {
  A: framing.length,
  B: target.length,
  C: headers.length,
  P: mustPass.length,
  D: replies.length,
  E: inspection.length,
  F: tokenEndpoint.length,
  G: doors.length,
  H: oneConnection.length,
  T: tunnels.length,
};

/** One class, item after item. */
/** Items whose target names the scheme of a listener without TLS. */
const OF_PLAIN_HTTP: ReadonlySet<string> = new Set(['B81', 'P65', 'P66']);

export async function runClass(
  stage: Stage,
  name: Exclude<ClassName, 'F' | 'T'>,
  onVerdict: OnVerdict,
): Promise<ClassResult> {
  const { subject } = stage;
  const cases = casesOf(name).filter(({ what }) => !(subject.tls && OF_PLAIN_HTTP.has(what.split(' ', 1)[0]!)));
  const uncaughtBefore = subject.deaths + subject.faults().length;
  let asExpected = 0;
  let leaked = 0;
  for (const { what, judge } of cases) {
    const deaths = subject.deaths;
    const verdict = await judge(stage).catch(() => judgeAgain(stage, judge));
    const wrong = subject.deaths > deaths ? `${verdict.wrong ?? ''}; the process ended` : verdict.wrong;
    if (wrong === undefined) asExpected += 1;
    leaked += verdict.leaked;
    onVerdict(what, wrong);
  }
  return {
    items: cases.length,
    asExpected,
    leaked,
    uncaught: subject.deaths + subject.faults().length - uncaughtBefore,
  };
}

/** Nobody listened: the item before has brought the process down, and this one is to be judged by itself. */
async function judgeAgain(stage: Stage, judge: (stage: Stage) => Promise<Verdict>): Promise<Verdict> {
  await stage.subject.endsWithin(5_000);
  return judge(stage).catch((error: unknown) => ({
    wrong: error instanceof Error ? error.message : 'no connection',
    leaked: 0,
  }));
}

/** Class F: every item has an account of its own, so they run side by side; some take as long as a token call may. */
export async function runTokenClass(stage: Stage, onVerdict: OnVerdict): Promise<ClassResult> {
  const dead = new DeadTokens(stage);
  const { subject } = stage;
  const uncaughtBefore = subject.deaths + subject.faults().length;
  let asExpected = 0;
  await Promise.all(
    tokenEndpoint.map(async (item) => {
      const { wrong } = await judgeTokens(stage, item, dead).catch((error: unknown): Verdict => ({
        wrong: String(error),
        leaked: 0,
      }));
      if (wrong === undefined) asExpected += 1;
      onVerdict(`${item.id} ${item.about}`, wrong);
    }),
  );
  return {
    items: tokenEndpoint.length,
    asExpected,
    leaked: stage.tokens.faults.length,
    uncaught: subject.deaths + subject.faults().length - uncaughtBefore,
  };
}
