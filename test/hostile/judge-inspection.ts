import { Caller } from './caller.ts';
import { request } from './corpus/requests.ts';
import type { InspectionItem } from './item.ts';
import type { Verdict } from './judge-requests.ts';
import { CLOSE, joined, type Pieces } from './pieces.ts';
import { echo } from './raw-server.ts';
import type { Stage } from './stage.ts';
import { readReply, type SeenReply } from './strict-reply-reader.ts';

const ANSWER_MOST = 6_000;

/**
 * Lets the upstream answer so once. `renew`: one token call and one replay with the new token; and where replaying is
 * off, the reply itself. `no-renew`: no token call, and the reply itself.
 */
export async function judgeInspection(stage: Stage, item: InspectionItem): Promise<Verdict> {
  await stage.subject.revive();
  const wrong =
    item.fate === 'renew'
      ? ((await exchange(stage, item, item.flow, item.id)) ??
        (await exchange(stage, item, `${item.flow}-as-is`, `${item.id}-as-is`)))
      : await exchange(stage, item, item.flow, item.id);
  return { wrong, leaked: 0 };
}

async function exchange(stage: Stage, item: InspectionItem, route: string, path: string): Promise<string | undefined> {
  const { api, endpoint } = stage;
  const { method = 'GET' } = item;
  // The token must be known to work, or its refusal would count as proof that renewing is in vain.
  const good = await ask(stage, 'GET', `/${route}/good-${path}`);
  if (typeof good === 'string') return `the good request before it: ${good}`;

  api.mark();
  const before = endpoint.calls(item.flow).length;
  let answers = 0;
  api.answerer = (arrival) =>
    arrival.request.target === `/base/${path}` && (answers += 1) === 1 ? item.reply : echo(arrival);
  const got = await ask(stage, method, `/${route}/${path}`);
  api.answerer = echo;
  const calls = endpoint.calls(item.flow).length - before;
  const arrivals = api.arrivals.filter(({ request: { target } }) => target === `/base/${path}`);
  const replayed = item.fate === 'renew' && !route.endsWith('as-is');

  if (typeof got === 'string') return got;
  if (calls !== (item.fate === 'renew' ? 1 : 0)) return `${calls} token calls (${route})`;
  if (arrivals.length !== (replayed ? 2 : 1)) return `${arrivals.length} requests upstream (${route})`;
  if (!replayed) return different(got, whole(item.reply, method));
  const [first, second] = arrivals.map(
    ({ request: { fields } }) => fields.find(([name]) => /^authorization(jwt)?$/i.test(name))?.[1],
  );
  if (first === second || !second?.includes(endpoint.last(item.flow)!)) return 'replayed without the new token';
  return got.status === 200 && got.body.toString('latin1') === `GET /base/${path}`
    ? undefined
    : `after the replay the caller got ${got.status}`;
}

async function ask(stage: Stage, method: string, target: string): Promise<SeenReply | string> {
  const caller = await Caller.open(stage.subject);
  try {
    await caller.say([request(`${method} ${target}`, ['Accept-Encoding: gzip, br, deflate, zstd'])]);
    const observed = await caller.answer(method, ANSWER_MOST);
    return observed.kind === 'answer' ? observed.answer : observed.kind;
  } finally {
    caller.hangUp();
  }
}

function whole(reply: Pieces, method: string): SeenReply {
  return readReply(joined(reply), method, reply.includes(CLOSE))!;
}

/** The body byte for byte, and what says how to read it. */
function different(got: SeenReply, sent: SeenReply): string | undefined {
  if (got.end === 'cut') return 'cut';
  if (got.status !== sent.status) return `status ${got.status}, not ${sent.status}`;
  if (!got.body.equals(sent.body)) return `another body: ${got.body.length} bytes of ${sent.body.length}`;
  for (const wanted of ['content-type', 'content-encoding']) {
    const value = ({ fields }: SeenReply): string | undefined =>
      fields.find(([name]) => name.toLowerCase() === wanted)?.[1];
    if (value(got) !== value(sent)) return `another ${wanted}`;
  }
  return undefined;
}
