import assert from 'node:assert/strict';
import { flowSchema } from '../../src/flows/flow.ts';
import { PRESETS } from '../../src/flows/presets.ts';
import { runCall } from '../support/run-call.ts';
import type { Outcome } from '../../src/tokens/credential.ts';

const oauth2 = PRESETS['oauth2']!;

function answered(token_type: unknown, flow = oauth2): Promise<Outcome> {
  return runCall(
    flow.login!,
    flow,
    undefined,
    { tokenUrl: 'https://id.example', clientId: 'c' },
    async () => ({ status: 200, headers: {}, body: JSON.stringify({ access_token: 'abc', token_type }) }),
    () => 0,
  );
}

describe('the kind of a token (RFC 6749 §7.1)', () => {
  for (const type of ['Bearer', 'bearer', 'BEARER', 'BearerToken', undefined, null, '']) {
    it(`${JSON.stringify(type) ?? 'not stated'} is sent as Bearer`, async () =>
      assert.equal((await answered(type)).kind, 'granted'));
  }

  for (const type of ['DPoP', 'mac', 'N_A', 'pop']) {
    it(`${type} is not: the answer is a failure that names it`, async () => {
      const outcome = await answered(type);
      assert.deepEqual([outcome.kind, outcome.kind === 'failed' && outcome.reason], ['failed', 'malformed']);
      assert.match(
        outcome.kind === 'failed' ? (outcome.detail ?? '') : '',
        new RegExp(`^a token of type ${type}, which cannot be sent as Bearer: id.example answered 200`),
      );
    });
  }

  it('is not repeated where it may be anything', async () => {
    const outcome = await answered('canary 77f3');
    assert.match(outcome.kind === 'failed' ? (outcome.detail ?? '') : '', /^a token of another type, /);
  });

  it('is not looked at where the flow does not say where it stands', async () => {
    const flow = flowSchema.parse({ ...oauth2, login: { ...oauth2.login![0], answer: { token: '/access_token' } } });
    assert.equal((await answered('DPoP', flow)).kind, 'granted');
  });
});
