import assert from 'node:assert/strict';
import { login, newCaller } from './caller.ts';
import { freshEndpoint, no, type Reply } from './endpoint.ts';

describe('an OAuth 2.0 endpoint that asks to come later', () => {
  const endpoint = freshEndpoint();
  const after = async (
    reply: Reply,
    busy: { body: Record<string, string>; wait?: number }[] = [],
  ): Promise<unknown> => {
    endpoint().answer = () => reply;
    const caller = newCaller({ rules: { refused: [], busy } });
    return (await login({ tokenUrl: endpoint().url }, { clientId: 'c' }, caller)).outcome;
  };

  for (const [what, reply, reason, retryAfter] of [
    ['temporarily_unavailable', no('temporarily_unavailable'), 'busy', undefined],
    ['slow_down', no('slow_down'), 'busy', undefined],
    ['a 429', { status: 429, body: '' }, 'rate_limited', undefined],
    ['a 429 that names an error', no('invalid_grant', 429, { 'retry-after': '7' }), 'rate_limited', 7],
    ['a 403 with Retry-After', { status: 403, headers: { 'retry-after': '30' }, body: {} }, 'busy', 30],
    [
      'words',
      { status: 400, body: { error: 'access_denied', error_description: 'Too many requests, try again later' } },
      'busy',
      undefined,
    ],
  ] as const) {
    it(`by ${what} is busy`, async () => assert.deepEqual(await after(reply), { kind: 'busy', reason, retryAfter }));
  }

  it('in words of its own is busy where the flow names them', async () =>
    assert.deepEqual(await after(no('Access Denied'), [{ body: { '/error': 'Access Denied' }, wait: 600 }]), {
      kind: 'busy',
      reason: 'busy',
      retryAfter: 600,
    }));

  it('with a 503 has failed, and its time is kept', async () => {
    const outcome = await after({ status: 503, headers: { 'retry-after': '20' }, body: '' });
    assert.deepEqual(outcome, {
      kind: 'failed',
      reason: 'status_5xx',
      detail: `${endpoint().host} answered 503`,
      reach: 'answered',
      maybeSpent: false,
      retryAfter: 20,
    });
  });
});
