import { Caller } from '../caller.ts';
import { request } from '../corpus/requests.ts';
import { randomFrom } from '../../harness/random.ts';
import { echo } from '../raw-server.ts';
import type { Stage } from '../stage.ts';

export interface PoisoningResult {
  readonly trials: number;
  /** Trials after which somebody got what was another one's. */
  readonly crossed: number;
  /** The same by attack. */
  readonly by: ReadonlyMap<string, number>;
  /** Trials after which a good caller got no answer, or an error. */
  readonly harmed: number;
  /** Requests upstream that nobody sent as such. */
  readonly smuggled: number;
}

const VICTIM_MOST = 3_000;
const stray = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\nX-Stray: 1\r\n\r\nstolen';

/** What an attacker sends, `hidden` being the request he wants to slip in between. */
const ATTACKS: readonly (readonly [name: string, bytes: (hidden: string) => string])[] = [
  ['chunked DELETE', (hidden) => request('DELETE /api/attack', ['Transfer-Encoding: chunked'], chunk(hidden))],
  ['chunked OPTIONS', (hidden) => request('OPTIONS /api/attack', ['Transfer-Encoding: chunked'], chunk(hidden))],
  ['chunked GET', (hidden) => request('GET /api/attack', ['Transfer-Encoding: chunked'], chunk(hidden))],
  ['DELETE with a length', (hidden) => request('DELETE /api/attack', [`Content-Length: ${hidden.length}`], hidden)],
  [
    'length, then chunked',
    (hidden) => request('POST /api/attack', ['Content-Length: 0', 'Transfer-Encoding: chunked'], `0\r\n\r\n${hidden}`),
  ],
  [
    'chunked, then length',
    (hidden) =>
      request(
        'POST /api/attack',
        ['Transfer-Encoding: chunked', `Content-Length: ${5 + hidden.length}`],
        `0\r\n\r\n${hidden}`,
      ),
  ],
  [
    'identity',
    (hidden) =>
      request('POST /api/attack', [`Content-Length: ${hidden.length}`, 'Transfer-Encoding: identity'], hidden),
  ],
  [
    'two lengths',
    (hidden) => request('POST /api/attack', ['Content-Length: 0', `Content-Length: ${hidden.length}`], hidden),
  ],
  [
    'a coding behind a bare LF',
    (hidden) => request('POST /api/attack', ['X: 1\nTransfer-Encoding: chunked', 'Content-Length: 0'], hidden),
  ],
  ['HEAD with a body', (hidden) => request('HEAD /api/attack', [`Content-Length: ${hidden.length}`], hidden)],
  [
    'an upgrade with a body',
    (hidden) =>
      request(
        'GET /api/attack',
        ['Connection: Upgrade', 'Upgrade: websocket', `Content-Length: ${hidden.length}`],
        hidden,
      ),
  ],
  [
    'Connection names the length',
    (hidden) =>
      request('DELETE /api/attack', ['Connection: Content-Length', `Content-Length: ${hidden.length}`], hidden),
  ],
  // The upstream's own doing: bytes behind a whole reply, in one write with it. (Bytes that come later are another
  // matter: a reply that crosses the next request on its way cannot be told from the answer to it by anybody.)
  ['a stray reply', () => request('GET /api/attack-stray')],
  ['a stray reply to HEAD', () => request('HEAD /api/attack-stray')],
];

const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;

/**
 * An attacker and, at once or right after him, two good callers, all on the one pool of upstream connections. Nobody
 * may get an answer that is not his own.
 */
export async function poisoning(stage: Stage, seed: number, trials: number): Promise<PoisoningResult> {
  const { api, subject } = stage;
  const random = randomFrom(seed);
  let crossed = 0;
  const by = new Map<string, number>();
  let harmed = 0;
  let smuggled = 0;
  api.cut();
  api.mark();
  api.answerer = (arrival) => {
    const { target } = arrival.request;
    if (target === '/base/hidden' || target === '/api/hidden') {
      smuggled += 1;
      // Whoever is next has sent his request by then.
      return [3, ...echo(arrival)];
    }
    if (target === '/base/attack-stray') return [`HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok${stray}`];
    return echo(arrival);
  };
  for (let trial = 0; trial < trials; trial += 1) {
    await subject.revive();
    const [name, attack] = random.pick(ATTACKS);
    try {
      const attacker = await Caller.open(subject);
      const victims = await Promise.all([Caller.open(subject), Caller.open(subject)]);
      await attacker.say([attack(request('GET /api/hidden'))]);
      // Sometimes at the same time, sometimes a moment later.
      if (random.next() < 0.7) await attacker.answer('GET', 30);
      const outcomes = await Promise.all(victims.map((victim, i) => ask(victim, `${trial}-${i}`)));
      // And again on the same connections.
      outcomes.push(
        ...(await Promise.all(
          victims.filter((_, i) => outcomes[i] === 'own').map((victim, i) => ask(victim, `${trial}-${i}-again`)),
        )),
      );
      if (outcomes.includes('crossed')) {
        crossed += 1;
        by.set(name, (by.get(name) ?? 0) + 1);
      } else if (outcomes.includes('harmed')) harmed += 1;
      for (const caller of [attacker, ...victims]) caller.hangUp();
    } catch {
      harmed += 1;
      await subject.endsWithin(3_000);
    }
    if (api.arrivals.length > 1_000) api.arrivals = [];
  }
  api.answerer = echo;
  api.cut();
  return { trials, crossed, harmed, smuggled, by };
}

async function ask(caller: Caller, name: string): Promise<'own' | 'crossed' | 'harmed'> {
  await caller.say([request(`GET /api/victim-${name}`)]);
  const observed = await caller.answer('GET', VICTIM_MOST);
  if (observed.kind === 'nonsense') return 'crossed';
  if (observed.kind !== 'answer') return 'harmed';
  const { status, body } = observed.answer;
  if (body.toString('latin1') === `GET /base/victim-${name}`) return 'own';
  return status >= 500 ? 'harmed' : 'crossed';
}
