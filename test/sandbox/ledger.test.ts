import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import http from 'node:http';
import { Ledger } from '../../src/sandbox/ledger.ts';
import { call, chatapp, freshSandbox, text } from './client.ts';

describe('sandbox: ledger', () => {
  const sandbox = freshSandbox();

  it("writes down what arrived, with which token, and the body's hash", async () => {
    const { accessToken, id } = sandbox().chatapp.issueToken();
    const body = Buffer.from('пример');
    const target = '/v1/a//b%2F@c?filter[x]=1&y=%20';
    const headers = { Authorization: accessToken, 'X-Request-Id': 'r-1' };
    await call(sandbox().urls.chatapp, target, { body, headers, method: 'PATCH' });
    const entry = sandbox().ledger.last({ requestId: 'r-1' });
    assert.ok(entry);
    assert.deepEqual(
      [entry.vendor, entry.service, entry.kind, entry.method, entry.target, entry.tokenId],
      ['chatapp', 'chatapp', 'api', 'PATCH', target, id],
    );
    assert.equal(entry.bodyBytes, body.length);
    assert.equal(entry.bodySha256, createHash('sha256').update(body).digest('hex'));
    assert.ok(Math.abs(entry.at - Date.now()) < 5_000);
  });

  it('holds no credentials, only references', async () => {
    const made = await chatapp.login(sandbox());
    await chatapp.get(sandbox(), text(made, 'data.accessToken'));
    await chatapp.get(sandbox(), 'Bearer stranger');
    await chatapp.refresh(sandbox(), text(made, 'data.refreshToken'));
    const all = JSON.stringify(sandbox().ledger.entries());
    for (const secret of [text(made, 'data.accessToken'), text(made, 'data.refreshToken'), 'stranger']) {
      assert.ok(!all.includes(secret));
    }
    const header = (i: number, name: string) => {
      const raw = sandbox().ledger.entries()[i]?.rawHeaders ?? [];
      return raw[raw.findIndex((value) => value === name) + 1];
    };
    assert.equal(header(1, 'Authorization'), '<chatapp#1>');
    assert.match(String(header(2, 'Authorization')), /^Bearer <unknown [0-9a-f]{8}>$/);
    assert.equal(header(3, 'Refresh'), '<chatapp#1>');
  });

  it('names a token that strayed to another vendor', async () => {
    const { accessToken } = sandbox().softline.issueToken();
    await chatapp.get(sandbox(), accessToken);
    assert.equal(sandbox().ledger.last()?.tokenId, 'softline#1');
    assert.equal(sandbox().ledger.last()?.outcome, 'dead-token');
  });

  it('tells logins, refreshes and API requests apart and joins them by pair', async () => {
    const made = await chatapp.login(sandbox());
    const renewed = await chatapp.refresh(sandbox(), text(made, 'data.refreshToken'));
    await chatapp.get(sandbox(), text(renewed, 'data.accessToken'));
    assert.deepEqual(
      sandbox()
        .ledger.entries()
        .map((e) => [e.kind, e.tokenId, e.refreshTokenId, e.issued]),
      [
        ['login', null, null, 'chatapp#1'],
        ['refresh', null, 'chatapp#1', 'chatapp#2'],
        ['api', 'chatapp#2', null, null],
      ],
    );
  });

  it('sees a client that leaves, and counts what is open', async () => {
    sandbox().chatapp.set({ apiDelayMs: 10_000 });
    const { accessToken } = sandbox().chatapp.issueToken();
    const req = http.get(`${sandbox().urls.chatapp}/v1/me`, { agent: false, headers: { Authorization: accessToken } });
    req.on('error', () => undefined);
    while (sandbox().ledger.open().chatapp === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.deepEqual(sandbox().ledger.open(), { softline: 0, chatapp: 1, twin: 0 });
    req.destroy();
    await sandbox().ledger.idle();
    assert.equal(sandbox().ledger.last()?.aborted, true);
  });

  it('marks a body that broke off: no hash, not applied', async () => {
    const { accessToken } = sandbox().chatapp.issueToken();
    const headers = { Authorization: accessToken, 'content-length': '100' };
    const req = http.request(`${sandbox().urls.chatapp}/v1/x`, { method: 'POST', agent: false, headers });
    req.on('error', () => undefined);
    req.write('half');
    while ((sandbox().ledger.last()?.bodyBytes ?? 0) === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    req.destroy();
    await sandbox().ledger.idle();
    const entry = sandbox().ledger.last();
    assert.deepEqual(
      [entry?.outcome, entry?.bodyBytes, entry?.bodySha256, entry?.applied, entry?.aborted],
      ['incomplete', 4, null, false, true],
    );
  });

  it('filters, counts and clears', async () => {
    for (const token of ['a', 'b']) await chatapp.get(sandbox(), token);
    await chatapp.login(sandbox());
    const { ledger } = sandbox();
    assert.equal(ledger.count({ vendor: 'chatapp', outcome: 'dead-token' }), 2);
    assert.equal(ledger.count({ since: 1, kind: 'api' }), 1);
    assert.equal(ledger.entries({ path: '/v1/tokens' }).length, 1);
    ledger.clear();
    assert.equal(ledger.count(), 0);
    await chatapp.get(sandbox(), 'c');
    assert.equal(ledger.last()?.seq, 4);
  });

  it('keeps no more than its limit, the newest', () => {
    const ledger = new Ledger(10);
    for (let i = 0; i < 35; i++) {
      ledger.finish(
        ledger.begin({
          vendor: 'twin',
          service: 'iam',
          kind: 'api',
          method: 'GET',
          target: '/',
          rawHeaders: [],
          tokenId: null,
          requestId: null,
        }),
      );
    }
    assert.deepEqual(
      ledger.entries().map((entry) => entry.seq),
      [26, 27, 28, 29, 30, 31, 32, 33, 34, 35],
    );
  });
});
