import assert from 'node:assert/strict';
import { gunzipSync } from 'node:zlib';
import { call, chatapp, freshSandbox } from './client.ts';

describe('sandbox: apiOverride and apiDelayMs', () => {
  const sandbox = freshSandbox();

  it('answers the next N requests, whatever their token, and does nothing', async () => {
    sandbox().chatapp.set({
      apiOverride: { status: 403, headers: { 'content-type': 'text/html' }, body: '<h1>Forbidden</h1>', count: 2 },
    });
    const { accessToken } = sandbox().chatapp.issueToken();
    const post = () => call(sandbox().urls.chatapp, '/v1/x', { body: 'x', headers: { Authorization: accessToken } });
    const responses = [await post(), await post(), await post()];
    assert.deepEqual(
      responses.map((response) => response.status),
      [403, 403, 200],
    );
    assert.equal(responses[0]?.text, '<h1>Forbidden</h1>');
    assert.deepEqual(
      sandbox()
        .ledger.entries()
        .map((entry) => [entry.outcome, entry.applied]),
      [
        ['override', false],
        ['override', false],
        ['ok', true],
      ],
    );
  });

  it('answers all requests without a count, compressed if so said', async () => {
    sandbox().chatapp.set({
      apiOverride: { status: 429, headers: { 'retry-after': '1' }, body: { a: 1 }, encoding: 'gzip' },
    });
    for (let i = 0; i < 3; i++) {
      const response = await chatapp.get(sandbox(), 'any');
      assert.deepEqual([response.status, response.headers['retry-after']], [429, '1']);
      assert.equal(gunzipSync(response.bytes).toString(), '{"a":1}');
    }
    assert.equal((await chatapp.login(sandbox())).status, 200);
  });

  it('apiDelayMs holds the response back, not the deed', async () => {
    sandbox().chatapp.set({ apiDelayMs: 100 });
    const { accessToken } = sandbox().chatapp.issueToken();
    const started = Date.now();
    const response = call(sandbox().urls.chatapp, '/v1/x', { body: 'x', headers: { Authorization: accessToken } });
    while (sandbox().ledger.count({ applied: true }) === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.ok(Date.now() - started < 95);
    assert.equal((await response).status, 200);
    assert.ok(Date.now() - started >= 95);
  });
});
