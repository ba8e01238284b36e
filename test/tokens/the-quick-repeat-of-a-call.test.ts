import assert from 'node:assert/strict';
import type { Outcome } from '../../src/tokens/credential.ts';
import { failed, fakeCredential } from '../support/credential.ts';
import { inVirtualTime } from './in-virtual-time.ts';

const unanswered = (retryAfter?: number): Outcome =>
  failed({ reason: 'reset', reach: 'unanswered', ...(retryAfter !== undefined && { retryAfter }) });

/** How many ms after a first call with this outcome the same call is made again; undefined: not for this request. */
async function repeatAfter(kind: 'login' | 'refresh', outcome: Outcome, took = 0): Promise<number | undefined> {
  const at: number[] = [];
  const credential = fakeCredential(kind === 'login' ? { canRefresh: false } : {});
  const { manager, clock, token, error } = await inVirtualTime(credential);
  const first = kind === 'refresh' ? await token(() => manager.get('crm')) : undefined;
  const answer = (): Outcome => {
    clock.pass(at.length === 0 ? took : 0);
    at.push(clock.monotonic());
    return outcome;
  };
  credential.answers.push(answer, answer);
  await error(() => (first === undefined ? manager.get('crm') : manager.renew('crm', first)));
  return at[1] === undefined ? undefined : at[1] - at[0]!;
}

describe('a call that fails while requests wait for it', () => {
  for (const kind of ['login', 'refresh'] as const) {
    it(`is repeated once, 0.3 s later: a ${kind}`, async () => {
      assert.equal(await repeatAfter(kind, unanswered()), 300);
    });

    it(`is repeated when the endpoint says, if that is within two seconds: a ${kind}`, async () => {
      assert.equal(await repeatAfter(kind, unanswered(0)), 300);
      assert.equal(await repeatAfter(kind, unanswered(2)), 2_000);
      assert.equal(await repeatAfter(kind, unanswered(2.05)), undefined);
      assert.equal(await repeatAfter(kind, { kind: 'busy', reason: 'busy', retryAfter: 1 }), 1_000);
    });

    it(`is not repeated after a timeout: a ${kind}`, async () => {
      assert.equal(await repeatAfter(kind, failed({ reason: 'timeout', reach: 'unanswered' })), undefined);
    });

    it(`is not repeated if it took five seconds: a ${kind}`, async () => {
      assert.equal(await repeatAfter(kind, unanswered(), 4_999), 300);
      assert.equal(await repeatAfter(kind, unanswered(), 5_000), undefined);
    });
  }

  it('is not repeated again in an outage, in which each further request would make two', async () => {
    const credential = fakeCredential({ canRefresh: false }, unanswered(), unanswered(), unanswered());
    const { manager, clock, error } = await inVirtualTime(credential);
    await error(() => manager.get('crm'));
    clock.pass(10_000);
    await error(() => manager.get('crm'));
    assert.equal(credential.calls.length, 3);
  });
});
