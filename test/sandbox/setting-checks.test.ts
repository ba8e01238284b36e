import assert from 'node:assert/strict';
import { SettingError } from '../../src/sandbox/settings.ts';
import { freshSandbox } from './client.ts';

describe('sandbox: changes of settings', () => {
  const sandbox = freshSandbox();
  const set = (change: object) => () => sandbox().chatapp.set(change);

  it('names the nearest setting for an unknown one', () => {
    assert.throws(set({ accesTtlSecond: 1 }), (error: Error) => {
      assert.ok(error instanceof SettingError);
      assert.match(error.message, /accesTtlSecond.*did you mean "accessTtlSeconds"/);
      return true;
    });
  });

  it('tells all that is wrong with a change at once', () => {
    const told = /"alwaysDead" takes true or false\n.*no setting "dripMss"; did you mean "dripMs"/;
    assert.throws(set({ alwaysDead: 1, dripMs: 5, dripMss: 5 }), told);
    assert.notEqual(sandbox().chatapp.settings.dripMs, 5);
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
      const before = structuredClone(sandbox().chatapp.settings);
      assert.throws(set(change), SettingError);
      assert.deepEqual(sandbox().chatapp.settings, before);
    });
  }

  it('softline has no refresh settings', () => {
    const change = { rotation: 'strict' } as object;
    assert.throws(() => sandbox().softline.set(change), SettingError);
  });
});
