import { Caller } from './caller.ts';
import { CANARY, request } from './corpus/requests.ts';
import type { Passage, RequestItem } from './item.ts';
import { joined, wait, type Pieces } from './pieces.ts';
import { BEFORE, type Stage } from './stage.ts';
import type { SeenRequest } from './strict-reader.ts';

/** Where an item stands on its connection. */
export type Place = 'alone' | 'kept' | 'pipelined' | 'node:http';

export interface Verdict {
  /** Undefined: as expected. */
  readonly wrong: string | undefined;
  /** Bytes that reached the upstream of something that had to be refused. */
  readonly leaked: number;
}

/** The same with a body that only node:http reads: the connection stays with it. */
const CHUNKED_BEFORE = request('POST /api/before', ['Transfer-Encoding: chunked'], '2\r\nhi\r\n0\r\n\r\n');

const ANSWER_MOST = 4_000;
/** How long a refused caller's connection is listened to for more. */
const SETTLE = 25;

/** Sends an item and judges by what the upstream saw of it. */
export async function judgeRequest(stage: Stage, item: RequestItem, place: Place): Promise<Verdict> {
  const { subject, api } = stage;
  await subject.revive();
  const caller = await Caller.open(subject);
  try {
    if (place === 'kept' || place === 'node:http') {
      const before = place === 'kept' ? BEFORE : CHUNKED_BEFORE;
      await caller.say([before]);
      const observed = await caller.answer(before.slice(0, before.indexOf(' ')), ANSWER_MOST);
      if (observed.kind !== 'answer' || observed.answer.status !== 200)
        return { wrong: 'the good request before it failed', leaked: 0 };
    }
    api.mark();
    const own = filled(item.send, stage.self);
    const [first, ...more] = own;
    // In one write with what comes before it.
    const pieces = place === 'pipelined' ? [Buffer.concat([Buffer.from(BEFORE), joined([first!])]), ...more] : own;
    const speaking = caller.say(pieces).then(async () => {
      if (item.cut !== true) return;
      await wait(40);
      caller.socket.end();
    });
    const wrong =
      item.fate === 'refuse'
        ? await refusal(stage, caller, item, place)
        : await passages(stage, caller, item.fate, place);
    await speaking;
    // So that the good request of this item is not counted with the next one.
    if (place === 'pipelined') await wait(SETTLE);
    const leaked =
      item.fate === 'refuse'
        ? Math.max(0, api.bytes - (place === 'pipelined' && api.bytes > 0 ? stage.beforeBytes : 0))
        : 0;
    return { wrong: wrong ?? (leaked > 0 ? `${leaked} bytes upstream: ${seenText(stage)}` : undefined), leaked };
  } finally {
    caller.hangUp();
    // What this item left on the upstream's connections is not for the next one to find.
    if (api.faults.length > 0 || api.unanswered > 0) api.cut();
  }
}

function filled(pieces: Pieces, self: string): Pieces {
  return pieces.map((piece) =>
    typeof piece === 'string' ? piece.replaceAll('{self}', self === '' ? 'nobody' : self) : piece,
  );
}

/** What is wrong with how it was refused. */
async function refusal(stage: Stage, caller: Caller, item: RequestItem, place: Place): Promise<string | undefined> {
  if (place === 'pipelined') {
    const before = await caller.answer('GET', ANSWER_MOST);
    if (before.kind === 'closed') return undefined;
    if (before.kind !== 'answer') return `the good request in front of it: ${before.kind}`;
    // The caller would take it for the answer to a request that was carried out.
    if (before.answer.status !== 200) return `the good request in front of it was answered ${before.answer.status}`;
  }
  const observed = await caller.answer(
    joined(item.send).toString('latin1', 0, 5) === 'HEAD ' ? 'HEAD' : 'GET',
    ANSWER_MOST,
  );
  if (observed.kind === 'silence') return 'neither an answer nor an end';
  if (observed.kind === 'nonsense') return 'an answer that is not HTTP';
  if (observed.kind === 'closed') return undefined;
  const { status } = observed.answer;
  const own = (status >= 400 && status < 500) || status === 501 || status === 505 || status === 508;
  if (!own) return `answered ${status}`;
  if (item.status !== undefined && status !== item.status) return `refused with ${status}, not ${item.status}`;
  for (;;) {
    const more = await caller.answer('GET', SETTLE);
    if (more.kind !== 'answer') break;
    if (more.answer.status < 400) return `a second answer, ${more.answer.status}`;
  }
  return stage.api.bytes > 0 && stage.api.arrivals.length === 0 ? 'an unfinished request upstream' : undefined;
}

/** What is wrong with what came through. */
async function passages(
  stage: Stage,
  caller: Caller,
  expected: readonly Passage[],
  place: Place,
): Promise<string | undefined> {
  const { api } = stage;
  const all = place === 'pipelined' ? [{ method: 'GET', target: '/api/before' }, ...expected] : expected;
  for (const passage of all) {
    const observed = await caller.answer(passage.method, ANSWER_MOST);
    if (observed.kind !== 'answer') return `${passage.method} ${short(passage.target)}: ${observed.kind}`;
    const { status, body } = observed.answer;
    if (status !== 200) return `${passage.method} ${short(passage.target)}: answered ${status}`;
    if (passage.method !== 'HEAD' && body.toString('latin1') !== `${passage.method} ${upstreamTarget(passage.target)}`)
      return `${short(passage.target)}: an answer to something else: ${short(body.toString('latin1'))}`;
  }
  const more = await caller.answer('GET', 5);
  if (more.kind === 'answer' && more.answer.status < 400) return `one answer too many, ${more.answer.status}`;
  if (api.faults.length > 0) return `upstream: ${api.faults[0]!.what}: ${seenText(stage)}`;
  const order = api.arrivals.map(({ request }) => `${request.method} ${request.target}`).join();
  if (
    stage.subject.name === 'tokenward' &&
    order !== all.map(({ method, target }) => `${method} ${upstreamTarget(target)}`).join()
  )
    return `not in this order upstream: ${seenText(stage)}`;
  if (api.arrivals.length !== all.length)
    return `${api.arrivals.length} requests upstream, not ${all.length}: ${seenText(stage)}`;
  for (const passage of all) {
    const seen = api.arrivals.find(
      ({ request }) => request.method === passage.method && request.target === upstreamTarget(passage.target),
    );
    if (seen === undefined) return `not seen: ${passage.method} ${short(passage.target)}; but ${seenText(stage)}`;
    const wrong = passageWrong(seen.request, passage, stage);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

/** The route's prefix is replaced, the rest stays byte for byte. */
function upstreamTarget(target: string): string {
  const rest = target.slice('/api'.length);
  return `/base${rest.startsWith('/') ? rest : `/${rest}`}`;
}

const plain = (name: string): string => name.toLowerCase().replaceAll('_', '-');
const NEVER_ON = ['keep-alive', 'proxy-connection', 'te', 'trailer', 'upgrade', 'proxy-authorization'];

/** What of a stage is needed to judge what its upstream saw. */
export type Watched = Pick<Stage, 'subject' | 'api' | 'self' | 'token'>;

export function passageWrong(seen: SeenRequest, passage: Passage, stage: Watched): string | undefined {
  if (seen.body.toString('latin1') !== (passage.body ?? ''))
    return `another body: ${short(seen.body.toString('latin1'))}`;
  for (const [name, value] of passage.has ?? [])
    if (!holds(seen, name, value, stage)) return `without ${name}: ${short(value)}`;
  for (const name of [...NEVER_ON, ...(passage.lacks ?? [])])
    if (seen.fields.some(([n]) => plain(n) === plain(name))) return `with ${name}`;
  // It goes on with a body that does not fit the replay buffer, or whose length is not known; never another one.
  const expectations = seen.fields.filter(([name]) => plain(name) === 'expect').map(([, value]) => value);
  if (expectations.length > 1 || expectations.some((value) => value.toLowerCase() !== '100-continue'))
    return `Expect: ${expectations.join(' and ')}`;
  return credentialsWrong(seen, stage.token()) ?? hopWrong(seen, stage);
}

/** tokenward keeps fields as they came; of the baseline it is enough that their meaning is there. */
function holds(seen: SeenRequest, name: string, value: string, { subject }: Watched): boolean {
  if (subject.name === 'tokenward') return seen.fields.some(([n, v]) => n === name && v === value);
  return seen.fields.some(
    ([n, v]) =>
      n.toLowerCase() === name.toLowerCase() && (v === value || v.split(/[,;] /).includes(value) || v.includes(value)),
  );
}

/** Ours once, the caller's never. */
export function credentialsWrong(seen: SeenRequest, token: string): string | undefined {
  const own = seen.fields.filter(([name]) => plain(name) === 'authorization');
  if (own.length !== 1 || own[0]![1] !== `Bearer ${token}`)
    return `not our token exactly once: ${own.map(([, value]) => short(value)).join(' and ') || 'none'}`;
  if (seen.fields.some(([name, value]) => value.includes(CANARY) || name.includes(CANARY)))
    return "the caller's own credentials";
  return undefined;
}

function hopWrong(seen: SeenRequest, { api, self }: Watched): string | undefined {
  const values = (wanted: string): string[] =>
    seen.fields.filter(([name]) => plain(name) === wanted).map(([, value]) => value);
  if (values('host')[0] !== `127.0.0.1:${api.port}`) return `Host: ${values('host').join()}`;
  const connection = values('connection').join().toLowerCase();
  if (connection !== '' && connection !== 'keep-alive' && connection !== 'close') return `Connection: ${connection}`;
  if (self !== '' && !values('via').join().includes(self)) return 'without our Via';
  return undefined;
}

export function seenText({ api }: Pick<Stage, 'api'>): string {
  const requests = api.arrivals.map(
    ({ request }) =>
      `${request.method} ${short(request.target)} [${request.fields
        .filter(([name]) => !/^(host|authorization|via)$/i.test(name))
        .map(([name, value]) => `${name}: ${short(value)}`)
        .join(' | ')
        .slice(0, 200)}] (${request.body.length} B)`,
  );
  const faults = api.faults.map(({ what, bytes }) => `${what}: ${short(JSON.stringify(bytes.toString('latin1')))}`);
  return [...requests, ...faults].join('; ').slice(0, 500) || `${api.bytes} bytes of an unfinished request`;
}

export function short(text: string): string {
  return text.length > 120 ? `${text.slice(0, 117)}...` : text;
}
