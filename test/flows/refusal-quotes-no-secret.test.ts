import assert from 'node:assert/strict';
import { PRESETS } from '../../src/flows/presets.ts';
import { runCall } from '../support/run-call.ts';

/** What an operator is told of a refusal with this error code, of a login with this password. */
async function reason(code: unknown, password: string): Promise<string> {
  const flow = PRESETS['softline']!;
  const outcome = await runCall(
    flow.login!,
    flow,
    'http://login.example',
    { username: 'shop', password },
    async () => ({ status: 401, headers: {}, body: JSON.stringify({ errors: [{ error: code }] }) }),
    () => 0,
  );
  assert.equal(outcome.kind, 'refused');
  return outcome.kind === 'refused' ? outcome.reason : '';
}

describe('the reason of a refused login', () => {
  it('names a plain error code', async () => {
    assert.equal(await reason(1006, 'hunter22'), 'status 401, code 1006');
    assert.equal(await reason('ApiInvalidCredentials', 'hunter22'), 'status 401, code ApiInvalidCredentials');
    // Short values occur in any code.
    assert.equal(await reason('ApiInvalidCredentials', 'Api'), 'status 401, code ApiInvalidCredentials');
  });

  for (const [how, code, password] of [
    ['all of it', 'hunter22', 'hunter22'],
    ['all of it with more', 'bad_hunter22', 'hunter22'],
    ['the beginning', 'bad_hunter', 'hunter22-and-more'],
    ['the middle', 'bad_unter2', 'hunter22-and-more'],
    ['a short one', 'bad_1234', '1234'],
    ['part of it as the whole code', 'ter22', 'hunter22'],
    ['a number', 12345678, '12345678'],
  ] as const) {
    it(`does not name one that quotes the password: ${how}`, async () =>
      assert.equal(await reason(code, password), 'status 401'));
  }

  it('does not name one that is more than a plain word', async () => {
    for (const code of ['two words', 'a'.repeat(41), '<b>', '', { a: 1 }, ['x'], null])
      assert.equal(await reason(code, 'hunter22'), 'status 401');
  });
});

describe('the description of an unusable response', () => {
  const described = async (type: string): Promise<string | undefined> => {
    const flow = PRESETS['softline']!;
    const values = { username: 'shop', password: 'Hunter22' };
    const send = async () => ({ status: 200, headers: { 'content-type': type }, body: '' });
    const outcome = await runCall(flow.login!, flow, 'http://login.example', values, send, () => 0);
    return outcome.kind === 'failed' ? outcome.detail : undefined;
  };

  it('names the content type, but none that repeats the password in any case of letters', async () => {
    assert.match((await described('image/png; a=b'))!, /login\.example answered 200 image\/png with an empty body/);
    for (const type of ['text/hunter22', 'Text/HUNTER22; charset=utf-8', 'application/x-hunter'])
      assert.match((await described(type))!, /login\.example answered 200 with an empty body/);
  });

  it('names a common content type, whatever the password is', async () =>
    assert.match((await described('application/json'))!, /answered 200 application\/json with/));
});
