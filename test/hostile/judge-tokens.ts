import { Caller } from './caller.ts';
import { request } from './corpus/requests.ts';
import type { TokenItem } from './item.ts';
import { short, type Verdict } from './judge-requests.ts';
import { echo } from './raw-server.ts';
import type { Stage } from './stage.ts';
import type { SeenReply } from './strict-reply-reader.ts';

/** Longer than a token call may take (15 s). */
const ANSWER_MOST = 20_000;

/** Tokens the upstream refuses, by item. */
export class DeadTokens {
  readonly #dead = new Set<string>();

  constructor(stage: Stage) {
    stage.tokens.answerer = (arrival) => {
      const { fields, target } = arrival.request;
      const token = fields.find(([name]) => name.toLowerCase() === 'authorization')?.[1] ?? '';
      return this.#dead.has(`${target.split('/')[2]!} ${token}`)
        ? ['HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n']
        : echo(arrival);
    };
  }

  kill(item: TokenItem, token: string): void {
    this.#dead.add(`${item.id} Bearer ${token}`);
  }
}

/**
 * Lets the token endpoint answer so, and judges by what the callers got, how often it was called, and what the upstream
 * saw.
 */
export async function judgeTokens(stage: Stage, item: TokenItem, dead: DeadTokens): Promise<Verdict> {
  const seen = (): string[] =>
    stage.tokens.arrivals
      .filter(({ request: { target } }) => target.startsWith(`/base/${item.id}/`))
      .map(({ request: { fields } }) =>
        fields
          .filter(([name]) => name.toLowerCase() === 'authorization')
          .map(([, value]) => value)
          .join(' + '),
      );
  const calls = (): readonly string[] => stage.endpoint.calls(item.id);
  const first = `${item.id}-token-1`;
  let asked = 0;
  const ask = async (): Promise<SeenReply | string> => {
    asked += 1;
    const caller = await Caller.open(stage.subject);
    try {
      await caller.say([request(`GET /f/${item.id}/${asked}`)]);
      const observed = await caller.answer('GET', ANSWER_MOST);
      return observed.kind === 'answer' ? observed.answer : observed.kind;
    } finally {
      caller.hangUp();
    }
  };
  const expect = async (what: 'relayed' | 'ours', count: number, token?: string): Promise<string | undefined> => {
    const got = await ask();
    if (typeof got === 'string') return `request ${asked}: ${got}`;
    const { status, fields } = got;
    const own = fields.find(([name]) => name.toLowerCase() === 'x-tokenward-error')?.[1];
    if (what === 'relayed' && status !== 200) return `request ${asked}: ${status} ${own ?? ''}`;
    if (what === 'ours' && ((status !== 502 && status !== 503) || own === undefined))
      return `request ${asked}: ${status}, not an error of our own`;
    if (what === 'ours' && item.fate === 'refused' && own !== 'credential_dead')
      return `request ${asked}: ${own!}, not credential_dead`;
    if (calls().length !== count) return `request ${asked}: ${calls().length} token calls, not ${count}`;
    if (token !== undefined && seen().at(-1) !== `Bearer ${token}`)
      return `request ${asked}: the upstream saw ${short(seen().at(-1) ?? 'nothing')}`;
    return undefined;
  };
  const inTurn = async (...steps: (() => Promise<string | undefined>)[]): Promise<Verdict> => {
    for (const step of steps) {
      const wrong = await step();
      if (wrong !== undefined) return { wrong, leaked: 0 };
    }
    return { wrong: undefined, leaked: 0 };
  };

  const sawOnly =
    (...tokens: string[]) =>
    async (): Promise<string | undefined> =>
      seen().every((value) => tokens.some((token) => value === `Bearer ${token}`))
        ? undefined
        : `the upstream saw ${seen().join()}`;
  if (item.call === 'login') {
    if (item.fate === 'granted')
      return inTurn(
        () => expect('relayed', 1, item.token),
        () => expect('relayed', 1, item.token),
      );
    // The next token of the endpoint, and nothing of this reply.
    if (item.fate === 'failed')
      return inTurn(
        () => expect('relayed', 2, `${item.id}-token-2`),
        () => expect('relayed', 2),
        sawOnly(`${item.id}-token-2`),
      );
    // The second request finds the failure remembered: no second call, and nothing upstream either time.
    return inTurn(
      () => expect('ours', 1),
      () => expect('ours', 1),
      async () => (seen().length > 0 ? `the upstream saw ${seen().join()}` : undefined),
    );
  }
  const start = async (): Promise<string | undefined> => {
    const wrong = await expect('relayed', 1, first);
    dead.kill(item, first);
    return wrong;
  };
  if (item.fate === 'failed')
    return inTurn(
      start,
      () => expect('relayed', 3, `${item.id}-token-3`),
      () => expect('relayed', 3),
      sawOnly(first, `${item.id}-token-3`),
    );
  if (item.fate === 'refused')
    return inTurn(
      start,
      () => expect('relayed', 3, `${item.id}-token-3`),
      async () =>
        calls()[2]!.includes('grant_type=client_credentials') ? undefined : 'no login after the refused refresh',
    );
  return inTurn(
    start,
    () => expect('relayed', 2, item.token),
    async () => {
      dead.kill(item, item.token!);
      return undefined;
    },
    () => expect('relayed', 3, `${item.id}-token-3`),
    async () =>
      new URLSearchParams(calls()[2]).get('refresh_token') === item.nextRefresh
        ? undefined
        : `the next refresh spent ${short(calls()[2]!)}`,
  );
}
