import assert from 'node:assert/strict';
import { gunzipSync } from 'node:zlib';
import { patternBytes } from '../../src/sandbox/helper-paths.ts';
import { call, freshSandbox } from './client.ts';
import type { CallOptions } from './client.ts';

describe('sandbox: helper paths', () => {
  const sandbox = freshSandbox();
  const ask = (path: string, options: CallOptions = {}) =>
    call(sandbox().urls.twin.bot, `/api/v1/sandbox/${path}`, {
      ...options,
      headers: { ...options.headers, Authorization: `Bearer ${sandbox().twin.issueToken().accessToken}` },
    });

  it('need a token', async () => {
    assert.equal((await call(sandbox().urls.softline, '/v1/sandbox/bytes/1')).status, 401);
    assert.equal((await call(sandbox().urls.softline, '/v1/sandbox/echo', { body: 'x' })).status, 401);
  });

  it('bytes and chunked', async () => {
    const sized = await ask('bytes/200000');
    assert.equal(sized.headers['content-length'], '200000');
    assert.ok(sized.bytes.equals(patternBytes(200_000)));
    assert.equal(sized.bytes[199_999], 199_999 % 251);
    const chunked = await ask('chunked/200000');
    assert.equal(chunked.headers['transfer-encoding'], 'chunked');
    assert.ok(chunked.bytes.equals(sized.bytes));
    assert.equal((await ask('bytes/5', { method: 'HEAD' })).headers['content-length'], '5');
  });

  it('sse, one event at a time', async () => {
    const times: number[] = [];
    const response = await ask('sse?events=3&ms=30', { onData: () => times.push(Date.now()) });
    assert.equal(response.headers['content-type'], 'text/event-stream');
    assert.equal(response.text.match(/^data: /gm)?.length, 3);
    assert.ok(times.length === 3 && (times[2] ?? 0) - (times[0] ?? 0) >= 45, String(times));
  });

  it('slow-body, status, gzip', async () => {
    assert.equal((await ask('slow-body?pieces=3&ms=5')).text.split('\n').length, 4);
    assert.equal((await ask('status/418')).status, 418);
    assert.equal((await ask('status/204')).bytes.length, 0);
    const zipped = await ask('gzip');
    assert.equal(zipped.headers['content-encoding'], 'gzip');
    assert.match(gunzipSync(zipped.bytes).toString(), /compressed/);
  });

  it('redirect, to this host by default', async () => {
    const response = await ask('redirect');
    assert.equal(response.status, 302);
    assert.equal(response.headers.location, `${sandbox().urls.twin.bot}/api/v1/sandbox/echo`);
    assert.equal((await ask('redirect?to=/else')).headers.location, '/else');
  });

  it("cut breaks off half way, and is not the client's fault", async () => {
    let got = 0;
    await assert.rejects(ask('cut/1000', { onData: (piece) => (got += piece.length) }), { code: 'ECONNRESET' });
    assert.equal(got, 1_000);
    await assert.rejects(ask('cut/0'));
    await assert.rejects(ask('reset'));
    await sandbox().ledger.idle();
    assert.equal(sandbox().ledger.count({ aborted: true }), 0);
  });

  it('hang never responds', async () => {
    await assert.rejects(ask('hang', { signal: AbortSignal.timeout(50) }));
    await sandbox().ledger.idle();
    assert.equal(sandbox().ledger.last()?.aborted, true);
  });

  it('echo gives the body back with its type', async () => {
    const body = patternBytes(3_000_000);
    const response = await ask('echo', { body, headers: { 'content-type': 'application/x-odd' } });
    assert.equal(response.headers['content-type'], 'application/x-odd');
    assert.ok(response.bytes.equals(body));
    assert.equal(sandbox().ledger.last()?.bodyBytes, body.length);
  });

  it('echo-error-words is a success that quotes failures', async () => {
    const response = await call(sandbox().urls.chatapp, '/v1/sandbox/echo-error-words', {
      headers: { Authorization: sandbox().chatapp.issueToken().accessToken },
    });
    assert.deepEqual([response.status, response.at('success')], [200, true]);
    assert.match(response.text, /ApiInvalidTokenError/);
  });

  it('headers shows what came, without the token', async () => {
    const response = await ask('headers', { headers: { 'X-Odd-Case': 'a' } });
    assert.match(response.text, /\["X-Odd-Case","a"\]/);
    assert.match(response.text, /\["Authorization","Bearer <twin#1>"\]/);
  });

  it('anything else below is 404', async () => {
    assert.equal((await ask('nothing')).status, 404);
    assert.equal((await ask('bytes/x')).status, 404);
    assert.equal((await ask('echo/x')).status, 404);
  });
});
