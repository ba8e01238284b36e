import assert from 'node:assert/strict';
import { flowSchema } from '../../src/flows/flow.ts';
import { TokenCallError, type TokenResponse } from '../../src/flows/run.ts';
import { runCall } from '../support/run-call.ts';

/** A refresh that spends its token in the first call; the second one looks up what the first needs not bring. */
const FLOW = flowSchema.parse({
  baseUrl: 'https://id.example',
  credentials: { password: 'required' },
  login: [
    {
      url: '/login',
      json: { p: '{password}' },
      answer: { token: '/token', refreshToken: '/refresh', where: '/where' },
    },
    { method: 'GET', url: '/me', answer: { tenant: '/tenant' } },
  ],
  refresh: [
    { url: '/refresh', json: { r: '{refreshToken}' }, answer: { token: '/token', refreshToken: '/refresh' } },
    { method: 'GET', url: '/me', answer: { tenant: '/tenant' } },
  ],
  hosts: ['*.good.example'],
  attach: [{ header: 'Authorization' }, { header: 'X-Tenant', value: '{tenant}' }, { header: 'X-W', value: '{where}' }],
});
const VALUES = { password: 'p', token: 'old', refreshToken: 'r1', where: 'w' };
const FIRST = { token: 't2', where: 'w' };
const json = (body: unknown, status = 200, headers = {}): TokenResponse => ({
  status,
  headers,
  body: JSON.stringify(body),
});

type Second = () => TokenResponse;
const SECONDS: Readonly<Record<string, Second>> = {
  'is not reached': () => {
    throw new TokenCallError('dns', false, 'no such host');
  },
  'is told to come later': () => json({}, 429, { 'retry-after': '7' }),
  'is told to come later in words': () => json({ error: 'rate limit exceeded' }, 403),
  'finds a server error': () => json({}, 500),
  'finds no value': () => json({ other: 1 }),
  'finds a value that no header can carry': () => json({ tenant: 'ключ' }),
};

function run(kind: 'login' | 'refresh', first: object, second: Second) {
  let calls = 0;
  const send = async (): Promise<TokenResponse> => ((calls += 1) === 1 ? json(first) : second());
  return runCall(FLOW[kind]!, FLOW, FLOW.baseUrl, VALUES, send, () => 0);
}

describe('a login or refresh of which a later call fails', () => {
  for (const [what, second] of Object.entries(SECONDS)) {
    it(`${what}: the refresh token counts as spent, for the first call has carried it`, async () => {
      const outcome = await run('refresh', FIRST, second);
      assert.equal(outcome.kind, 'failed');
      assert.deepEqual(outcome.kind === 'failed' && [outcome.maybeSpent, outcome.reach], [true, 'answered']);
    });

    it(`${what}: the login counts, and nobody has to correct the credentials`, async () => {
      const outcome = await run('login', { ...FIRST, refresh: 'r2' }, second);
      assert.deepEqual(outcome.kind === 'failed' && outcome.reach, 'answered');
    });
  }

  it('keeps the pause that the endpoint asks for', async () => {
    const outcome = await run('refresh', FIRST, SECONDS['is told to come later']!);
    assert.equal(outcome.kind === 'failed' && outcome.retryAfter, 7);
  });
});
