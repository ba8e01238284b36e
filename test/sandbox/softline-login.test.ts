import assert from 'node:assert/strict';
import { call, freshSandbox, softline, text } from './client.ts';

describe('sandbox: softline login', () => {
  const sandbox = freshSandbox();

  it('answers a token and an unused refresh token, and no expiry', async () => {
    const response = await softline.login(sandbox());
    assert.equal(response.status, 200);
    assert.match(text(response, 'token'), /^[a-z0-9]{32}$/);
    assert.match(text(response, 'refresh_token'), /^[0-9a-f]{19}$/);
    assert.deepEqual(Object.keys(JSON.parse(response.text) as object), ['token', 'refresh_token']);
  });

  it('says 1006 to a wrong password', async () => {
    const response = await softline.login(sandbox(), { username: 'sandbox-shop', password: 'no' });
    assert.equal(response.status, 401);
    assert.equal(response.text, '{"errors":[{"error":1006,"message":"Bad credentials."}]}');
    assert.equal(sandbox().ledger.last()?.outcome, 'refused');
  });

  const malformed: [string, number, Record<string, string>, string][] = [
    ['another content type', 111, { 'content-type': 'text/plain' }, '{}'],
    ['broken JSON', 110, { 'content-type': 'application/json' }, '{"username":'],
    ['a missing field', 1005, { 'content-type': 'application/json; charset=utf-8' }, '{"username":"a"}'],
  ];
  for (const [what, error, headers, body] of malformed) {
    it(`says 400 and ${error} to ${what}`, async () => {
      const response = await call(sandbox().urls.softline, '/v1/login_check', { headers, body });
      assert.deepEqual([response.status, response.at('errors.0.error')], [400, error]);
    });
  }

  it('leaves the older token valid', async () => {
    const first = text(await softline.login(sandbox()), 'token');
    const second = text(await softline.login(sandbox()), 'token');
    assert.notEqual(first, second);
    assert.equal((await softline.get(sandbox(), first)).status, 200);
    assert.equal((await softline.get(sandbox(), second)).status, 200);
  });

  it('kills the older token with the setting loginKillsOld', async () => {
    sandbox().softline.set({ loginKillsOld: true });
    const first = text(await softline.login(sandbox()), 'token');
    const second = text(await softline.login(sandbox()), 'token');
    assert.equal((await softline.get(sandbox(), first)).status, 401);
    assert.equal((await softline.get(sandbox(), second)).status, 200);
  });
});
