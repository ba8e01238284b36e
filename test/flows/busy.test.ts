import assert from 'node:assert/strict';
import { flowSchema, type Flow } from '../../src/flows/flow.ts';
import { PRESETS } from '../../src/flows/presets.ts';
import { runCall } from '../support/run-call.ts';
import type { Outcome } from '../../src/tokens/credential.ts';

const NOW = 1_800_000_000_000;
const oauth2 = PRESETS['oauth2']!;

function answered(
  flow: Flow,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
  which: 'login' | 'refresh' = 'login',
): Promise<Outcome> {
  return runCall(
    flow[which]!,
    flow,
    flow.baseUrl,
    { tokenUrl: 'https://id.example', clientId: 'c', refreshToken: 'r' },
    async () => ({ status, headers, body: typeof body === 'string' ? body : JSON.stringify(body) }),
    () => NOW,
  );
}

describe('a busy token endpoint', () => {
  for (const [header, seconds] of [
    [undefined, undefined],
    ['7', 7],
    ['0.5', 0.5],
    ['0', undefined],
    ['soon', undefined],
    [new Date(NOW + 90_000).toUTCString(), 90],
    [new Date(NOW - 90_000).toUTCString(), undefined],
  ] as const) {
    it(`429 with Retry-After ${header ?? 'missing'} waits ${seconds ?? 'as long as we think right'}`, async () => {
      assert.deepEqual(
        await answered(oauth2, 429, '<html>slow down</html>', header === undefined ? {} : { 'retry-after': header }),
        { kind: 'busy', reason: 'rate_limited', retryAfter: seconds },
      );
    });
  }

  it('429 is busy whatever it says, also to a refresh', async () => {
    for (const which of ['login', 'refresh'] as const)
      assert.equal((await answered(oauth2, 429, { error: 'invalid_grant' }, {}, which)).kind, 'busy');
  });

  it('503 with Retry-After is a failure that says when', async () => {
    const outcome = await answered(oauth2, 503, '', { 'retry-after': '9' });
    assert.deepEqual([outcome.kind, outcome.kind === 'failed' && outcome.retryAfter], ['failed', 9]);
  });

  it("a flow's own rule says by what it is known, and how long to wait if the reply does not", async () => {
    const flow = flowSchema.parse({
      ...oauth2,
      busy: [{ status: 400, body: { '/error': 'Access Denied' }, wait: '10m' }, { status: 403 }],
    });
    for (const which of ['login', 'refresh'] as const) {
      assert.deepEqual(await answered(flow, 400, { error: 'Access Denied' }, {}, which), {
        kind: 'busy',
        reason: 'busy',
        retryAfter: 600,
      });
      assert.deepEqual(await answered(flow, 400, { error: 'Access Denied' }, { 'retry-after': '30' }, which), {
        kind: 'busy',
        reason: 'busy',
        retryAfter: 30,
      });
      assert.deepEqual(await answered(flow, 403, '<html>', {}, which), {
        kind: 'busy',
        reason: 'busy',
        retryAfter: undefined,
      });
      assert.equal((await answered(flow, 400, { error: 'invalid_client' }, {}, which)).kind, 'refused');
    }
  });

  it('a token is a token, whatever else the reply says', async () => {
    const flow = flowSchema.parse({ ...oauth2, busy: [{ status: 200 }] });
    assert.equal((await answered(flow, 200, { access_token: 'abc' })).kind, 'granted');
    assert.equal((await answered(flow, 200, { error: 'come back' })).kind, 'busy');
  });

  it('a wait is one second to a day', () => {
    for (const wait of [0, '500ms', '25h', 'long'])
      assert.equal(flowSchema.safeParse({ ...oauth2, busy: [{ status: 400, wait }] }).success, false, String(wait));
    for (const wait of [1, '90', '90s', '10m', '24h'])
      assert.equal(flowSchema.safeParse({ ...oauth2, busy: [{ status: 400, wait }] }).success, true, String(wait));
  });
});
