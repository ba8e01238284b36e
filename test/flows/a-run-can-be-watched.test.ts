import assert from 'node:assert/strict';
import { flowSchema } from '../../src/flows/flow.ts';
import { runCalls, type RunObserver, type TokenResponse } from '../../src/flows/run.ts';

const FLOW = flowSchema.parse({
  baseUrl: 'https://api.example',
  credentials: { user: 'required' },
  login: [
    {
      url: '/one',
      make: { day: { time: 'iso' } },
      json: { user: '{user}', day: '{day}' },
      answer: { ticket: '/ticket' },
    },
    { url: '/two', json: { ticket: '{ticket}' }, answer: { token: '/token' }, refused: [{ body: { '/code': 7 } }] },
  ],
  busy: [{ status: 503, wait: '5s' }],
  attach: { header: 'Authorization' },
});

/** The steps of a login with these answers, as words. */
async function steps(...answers: TokenResponse[]): Promise<string[]> {
  const seen: string[] = [];
  const observer: RunObserver = {
    made: (values) => void seen.push(`made ${Object.keys(values).join()}`),
    sending: (_call, { url, body }) => void seen.push(`sending ${url} ${body ?? ''}`),
    answered: ({ status }) => void seen.push(`answered ${status}`),
    judged: ({ kind, rule }) => void seen.push(`judged ${kind} by ${JSON.stringify(rule ?? null)}`),
  };
  const { kind } = await runCalls({
    calls: FLOW.login!,
    flow: FLOW,
    values: { user: 'u' },
    send: () => Promise.resolve(answers.shift()!),
    now: () => 0,
    observer,
  });
  return [...seen, kind];
}

const json = (status: number, body: unknown): TokenResponse => ({ status, headers: {}, body: JSON.stringify(body) });

describe('the observer of a login', () => {
  it('sees computed values, each request before it is sent, each response, and the verdict', async () => {
    assert.deepEqual(await steps(json(200, { ticket: 't' }), json(200, { token: 'x' })), [
      'made day',
      'sending https://api.example/one {"user":"u","day":"1970-01-01T00:00:00.000Z"}',
      'answered 200',
      'judged failed by null',
      'sending https://api.example/two {"ticket":"t"}',
      'answered 200',
      'granted',
    ]);
  });

  it('learns which rule of the flow decided', async () => {
    const refused = await steps(json(200, { ticket: 't' }), json(418, { code: 7 }));
    assert.deepEqual(refused.slice(-2), ['judged refused by {"body":{"/code":7},"format":"json"}', 'refused']);
    const busy = await steps(json(503, {}));
    assert.deepEqual(busy.slice(-2), ['judged busy by {"status":503,"wait":5}', 'busy']);
  });

  it('learns that a rule of every flow decided, and not one of this flow', async () => {
    assert.deepEqual((await steps(json(429, {}))).slice(-2), ['judged busy by null', 'busy']);
    assert.deepEqual((await steps(json(404, {}))).slice(-2), ['judged failed by null', 'failed']);
  });
});
