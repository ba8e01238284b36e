import { Canaries } from '../support/canary.ts';
import { json, text, type Reply, type Values, type Vendor } from './vendor.ts';
import { Stage, type Props } from './stage.ts';

/*
 * What every recipe must do. Each scenario has an installation of its own, and is judged by what the imitation saw.
 */

/** Notes what is wrong. */
type Note = (wrong: string) => void;

export interface Scenario {
  readonly name: string;
  /** Whether it makes sense for this API. */
  fits(vendor: Vendor): boolean;
  play(stage: Stage, note: Note): Promise<void>;
}

const hasLogin = ({ steps }: Vendor): boolean => steps !== undefined;
const always = (): boolean => true;

const HOUR = 3_600_000;
/** In the words of no vendor. */
const THROTTLED = json(429, { message: 'Too many requests' }, { 'retry-after': '30' });
const BLOCK_PAGE = text(403, 'text/html', '<html><h1>Access denied</h1><p>Ray ID: 8f2</p></html>');

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'first call',
    fits: always,
    async play(stage, note) {
      const answers = [await stage.get(), await stage.post(), await stage.get()];
      equal(note, 'statuses', statusesOf(answers), [200, 200, 200]);
      equal(note, 'accepted requests', stage.imitation.api, { accepted: 3, rejected: 0 });
      equal(
        note,
        'calls of a login',
        stage.imitation.calls,
        (stage.vendor.steps ?? []).map(({ at }) => at),
      );
    },
  },
  {
    name: 'killed token',
    fits: hasLogin,
    async play(stage, note) {
      const { imitation, vendor } = stage;
      await stage.get();
      imitation.kill();
      const answers = [await stage.post(), await stage.get()];
      equal(note, 'statuses', statusesOf(answers), [200, 200]);
      equal(note, 'requests', imitation.api, { accepted: 3, rejected: 1 });
      const once = vendor.steps!.map(({ at }) => at);
      equal(note, 'calls', imitation.calls, [...once, ...once]);
    },
  },
  {
    name: 'refused key',
    fits: (vendor) => !hasLogin(vendor),
    async play(stage, note) {
      const { imitation, vendor } = stage;
      imitation.kill();
      const answer = await stage.post();
      equal(note, 'status', answer.status, vendor.killed.status);
      equal(note, 'body', answer.text, vendor.killed.body);
      equal(note, 'requests', imitation.api, { accepted: 0, rejected: 1 });
    },
  },
  {
    name: 'rotated refresh token',
    fits: ({ refreshes }) => refreshes !== undefined,
    async play(stage, note) {
      const { imitation } = stage;
      const before = imitation.refreshToken;
      for (let turn = 0; turn < 3; turn += 1) {
        equal(note, 'status', (await stage.get()).status, 200);
        imitation.kill();
      }
      equal(note, 'token calls', imitation.tokenCalls, 3);
      equal(note, 'rotated', imitation.refreshToken !== before, stage.vendor.refreshes === 'rotates');
    },
  },
  {
    name: 'throttled token endpoint',
    fits: hasLogin,
    play: (stage, note) => comesBack(stage, stage.vendor.busy ?? THROTTLED, note),
  },
  {
    name: 'throttled by status 429',
    fits: ({ busy }) => busy !== undefined,
    play: (stage, note) => comesBack(stage, THROTTLED, note),
  },
  { name: 'block page', fits: hasLogin, play: (stage, note) => comesBack(stage, BLOCK_PAGE, note) },
  {
    name: 'refused credentials',
    fits: hasLogin,
    async play(stage, note) {
      const { imitation, vendor } = stage;
      if (vendor.refused === undefined) {
        note('the table has no refusal');
        return;
      }
      imitation.tokenReply = quoting(vendor.refused, vendor.credentials);
      const answers = [await stage.get(), await stage.get()];
      equal(note, 'statuses', statusesOf(answers), [503, 503]);
      equal(note, 'dead', await stage.isDead(), true);
      equal(note, 'token calls', imitation.tokenCalls, 1);
      noSecrets(stage, note, { log: await stage.said(), answers: answers.map(whole).join('\n') });
    },
  },
  {
    name: 'secrets',
    fits: always,
    async play(stage, note) {
      const { imitation } = stage;
      imitation.repeats = true;
      const answers = [await stage.get(), await stage.post()];
      imitation.kill();
      answers.push(await stage.post());
      equal(note, 'something was repeated', imitation.api.accepted > 0, true);
      noSecrets(stage, note, { log: await stage.said(), answers: answers.map(whole).join('\n') });
    },
  },
];

/** Plays one scenario; what was wrong, or undefined. */
export async function play(
  scenario: Scenario,
  vendor: Vendor,
  props: Props,
  changes?: object,
): Promise<string | undefined> {
  const wrong: string[] = [];
  const stage = await Stage.start(vendor, props, changes);
  try {
    await scenario.play(stage, (text) => void wrong.push(text));
    wrong.push(...stage.imitation.problems);
  } finally {
    await stage.stop();
  }
  return wrong.length === 0 ? undefined : wrong.join('; ');
}

/** A token endpoint that answers so for a while must not cost the account, nor be asked again at once. */
async function comesBack(stage: Stage, reply: Reply, note: Note): Promise<void> {
  const { imitation } = stage;
  imitation.tokenReply = reply;
  const first = await stage.get();
  // Where the endpoint names no time, one quick repeat is meant.
  const calls = imitation.tokenCalls;
  if (calls < 1 || calls > 2) note(`${calls} token calls at first`);
  const answers = [first, await stage.get()];
  if (answers.some(({ status }) => status < 500)) note(`statuses ${JSON.stringify(statusesOf(answers))}`);
  equal(note, 'token calls while it says so', imitation.tokenCalls, calls);
  equal(note, 'dead', await stage.isDead(), false);
  imitation.tokenReply = undefined;
  stage.clock.pass(HOUR);
  equal(note, 'status afterwards', (await stage.get()).status, 200);
  equal(note, 'token calls in all', imitation.tokenCalls, calls + 1);
}

function equal(note: Note, what: string, found: unknown, wanted: unknown): void {
  const [a, b] = [JSON.stringify(found), JSON.stringify(wanted)];
  if (a !== b) note(`${what}: ${a} instead of ${b}`);
}

function statusesOf(answers: readonly { readonly status: number }[]): number[] {
  return answers.map(({ status }) => status);
}

function whole({ rawHeaders, text: body }: { readonly rawHeaders: readonly string[]; readonly text: string }): string {
  return `${rawHeaders.join('\n')}\n${body}`;
}

/** A refusal that repeats the credentials, as careless servers do. */
function quoting(reply: Reply, credentials: Values): Reply {
  const { headers = {}, body } = reply;
  if (headers['content-type'] !== 'application/json' || !body.startsWith('{')) return reply;
  return { ...reply, body: JSON.stringify({ ...(JSON.parse(body) as object), you_sent: credentials }) };
}

function noSecrets({ vendor, imitation }: Stage, note: Note, texts: Readonly<Record<string, string>>): void {
  const secrets: Record<string, string> = {};
  const add = (name: string, value: string): void => {
    const core = [...value.matchAll(/[A-Za-z0-9]{12,}/g)].map(([run]) => run).sort((a, b) => b.length - a.length)[0];
    if (core !== undefined) secrets[name] = core;
  };
  for (const [name, value] of Object.entries(vendor.credentials)) if (isSecret(name)) add(name, value);
  imitation.issued.forEach((values, index) => {
    for (const name of ['token', 'refresh']) if (values[name] !== undefined) add(`${name} ${index}`, values[name]);
  });
  for (const found of new Canaries(secrets).find(texts)) note(`secret in ${found}`);
}

/** Names of what may be seen end in Id; certificates and OAuth 1 consumer keys are public too. */
function isSecret(name: string): boolean {
  return /password|secret|token|key|login$/i.test(name) && !/id$|^consumerKey$|^login$|^key$|^tokenName$/i.test(name);
}
