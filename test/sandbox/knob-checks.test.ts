import assert from 'node:assert/strict';
import { KnobError } from '../../src/sandbox/knobs.ts';
import { freshSandbox } from './client.ts';

describe('sandbox: setting knobs', () => {
  const sandbox = freshSandbox();
  const set = (change: object) => () => sandbox().chatapp.set(change);

  it('names the nearest knob for an unknown one', () => {
    assert.throws(set({ accesTtlSecond: 1 }), (error: Error) => {
      assert.ok(error instanceof KnobError);
      assert.match(error.message, /accesTtlSecond.*did you mean "accessTtlSeconds"/);
      return true;
    });
  });

  it('tells all that is wrong with a change at once', () => {
    const told = /"alwaysDead" takes true or false\n.*no knob "dripMss"; did you mean "dripMs"/;
    assert.throws(set({ alwaysDead: 1, dripMs: 5, dripMss: 5 }), told);
    assert.notEqual(sandbox().chatapp.knobs.dripMs, 5);
  });

  for (const change of [
    { accessTtlSeconds: -1 },
    { rotation: 'sometimes' },
    { loginMode: 'odd' },
    { loginMode: { body: 'no status' } },
    { deadTokenDelayMs: { min: 5, max: 1 } },
    { alwaysDead: 1 },
    { apiOverride: { status: 99 } },
    { apiOverride: { status: 200, boddy: '' } },
  ]) {
    it(`refuses ${JSON.stringify(change)}`, () => {
      const before = structuredClone(sandbox().chatapp.knobs);
      assert.throws(set(change), KnobError);
      assert.deepEqual(sandbox().chatapp.knobs, before);
    });
  }

  it('softline has no refresh knobs', () => {
    const change = { rotation: 'strict' } as object;
    assert.throws(() => sandbox().softline.set(change), KnobError);
  });
});
