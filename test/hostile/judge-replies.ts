import { Caller } from './caller.ts';
import { request } from './corpus/requests.ts';
import type { ReplyItem } from './item.ts';
import type { Verdict } from './judge-requests.ts';
import { wait } from './pieces.ts';
import { echo } from './raw-server.ts';
import type { Stage } from './stage.ts';
import type { SeenReply } from './strict-reply-reader.ts';
import { PATIENCE } from './subjects.ts';

/** Longer than any timeout that may have to fire first. */
const ANSWER_MOST = 3 * PATIENCE + 1_500;

/** Lets the upstream answer so, and judges by what the caller, and the callers after him, got. */
export async function judgeReply(stage: Stage, item: ReplyItem): Promise<Verdict> {
  const { subject, api } = stage;
  await subject.revive();
  const { method, body = 0 } = { method: 'GET', ...item.request };
  api.mark();
  const reply = item.reply.map((piece) =>
    typeof piece === 'string' ? piece.replaceAll('{token}', stage.token()) : piece,
  );
  const path = `/base/${item.id}`;
  api.answerer = (arrival) => (arrival.request.target === path ? reply : echo(arrival));
  api.early =
    item.early === true
      ? (head) => (head.includes(` ${path} `) && head.includes('\r\n\r\n') ? reply : undefined)
      : undefined;
  const caller = await Caller.open(subject);
  try {
    void caller.say([
      request(`${method} /api/${item.id}`, body > 0 || method === 'POST' ? [`Content-Length: ${body}`] : []),
      ...(body > 0 ? [Buffer.alloc(body, 0x7a)] : []),
    ]);
    const observed = await caller.answer(method, ANSWER_MOST);
    const failure =
      observed.kind === 'closed'
        ? undefined
        : observed.kind === 'answer'
          ? notAFailure(observed.answer)
          : observed.kind;
    const whole = observed.kind === 'answer' ? notTheReply(item, observed.answer, stage.token()) : observed.kind;
    const wrong =
      item.fate === 'relay'
        ? whole
        : item.fate === 'fail'
          ? failure
          : failure === undefined || whole === undefined
            ? undefined
            : `${whole}; ${failure}`;
    if (wrong !== undefined) return { wrong, leaked: 0 };
    const used = api.arrivals
      .filter(({ request: { target } }) => target === path)
      .map(({ conversation }) => conversation.number);
    // So that what comes behind the reply is there.
    if (item.spoils === true) await wait(30);
    return { wrong: await nextCallers(stage, item, used), leaked: 0 };
  } finally {
    caller.hangUp();
    api.answerer = echo;
    api.early = undefined;
    // The baseline's connections may be out of step; the next item starts from the beginning.
    if (subject.name === 'http-proxy') api.cut();
  }
}

function notTheReply(item: ReplyItem, got: SeenReply, token: string): string | undefined {
  if (got.end === 'cut') return 'cut';
  if (got.status !== item.status) return `status ${got.status}`;
  if (got.body.toString('latin1') !== (item.body ?? ''))
    return `another body: ${JSON.stringify(got.body.toString('latin1', 0, 60))}`;
  for (const [name, value] of item.has ?? [])
    if (
      !got.fields.some(
        ([n, v]) => n.toLowerCase() === name.toLowerCase() && (v === value || v.split(', ').includes(value)),
      )
    )
      return `without ${name}`;
  for (const name of item.lacks ?? []) if (got.fields.some(([n]) => n.toLowerCase() === name)) return `with ${name}`;
  if (got.fields.some(([, value]) => value.includes(token))) return 'with our token';
  return undefined;
}

/** An error of the proxy's own, or half a reply that looks like half a reply. */
function notAFailure({ status, end, body }: SeenReply): string | undefined {
  if (end === 'cut' || status === 502 || status === 504) return undefined;
  return `relayed as ${status}, ${body.length} bytes, ended as if it were whole`;
}

/** Two other callers, who must get their own answers and nothing else. */
async function nextCallers(stage: Stage, item: ReplyItem, used: readonly number[]): Promise<string | undefined> {
  for (let i = 0; i < 2; i += 1) {
    const caller = await Caller.open(stage.subject);
    try {
      const path = `next-${item.id}-${i}`;
      await caller.say([request(`GET /api/${path}`)]);
      const observed = await caller.answer('GET', ANSWER_MOST);
      if (observed.kind !== 'answer') return `the next caller: ${observed.kind}`;
      const { status, body } = observed.answer;
      if (status !== 200 || body.toString('latin1') !== `GET /base/${path}`)
        return `the next caller got ${status} ${JSON.stringify(body.toString('latin1', 0, 60))}`;
      const arrival = stage.api.arrivals.find(({ request: { target } }) => target === `/base/${path}`);
      if (item.spoils === true && used.includes(arrival?.conversation.number ?? -1))
        return 'the connection was used again';
    } finally {
      caller.hangUp();
    }
  }
  return undefined;
}
