import assert from 'node:assert/strict';
import { call, chatapp, freshSandbox, softline, text, twin } from './client.ts';

describe('sandbox: logins and refreshes that go wrong', () => {
  const sandbox = freshSandbox();
  const refresh = async () => chatapp.refresh(sandbox(), sandbox().chatapp.issueToken().refreshToken ?? '');

  it('status-500, html-200, empty-200 issue nothing', async () => {
    const { softline: vendor } = sandbox();
    vendor.set({ loginMode: 'status-500' });
    assert.equal((await softline.login(sandbox())).status, 500);
    vendor.set({ loginMode: 'html-200' });
    const html = await softline.login(sandbox());
    assert.deepEqual([html.status, html.headers['content-type']], [200, 'text/html; charset=utf-8']);
    vendor.set({ loginMode: 'empty-200' });
    const empty = await softline.login(sandbox());
    assert.deepEqual([empty.status, empty.text], [200, '']);
    assert.equal(vendor.tokens.issued, 0);
    assert.equal(sandbox().ledger.count({ outcome: 'broken' }), 3);
  });

  it('only for the next N requests, with a count', async () => {
    sandbox().twin.set({ loginMode: 'status-500', loginModeCount: 2 });
    const statuses = [];
    for (let i = 0; i < 4; i++) statuses.push((await twin.login(sandbox())).status);
    assert.deepEqual(statuses, [500, 500, 200, 200]);
    sandbox().chatapp.set({ refreshMode: 'status-500', refreshModeCount: 1 });
    assert.equal((await refresh()).status, 500);
    assert.equal((await refresh()).status, 200);
  });

  it('slow answers late, but has issued at once', async () => {
    sandbox().chatapp.set({ loginMode: 'slow', slowMs: 150 });
    const started = Date.now();
    const response = chatapp.login(sandbox());
    while (sandbox().chatapp.tokens.issued === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.ok(Date.now() - started < 140);
    assert.equal((await response).status, 200);
    assert.ok(Date.now() - started >= 145);
  });

  it('loginDelayMs and refreshDelayMs wait before anything is issued', async () => {
    sandbox().chatapp.set({ loginDelayMs: 80, refreshDelayMs: 80 });
    const response = chatapp.login(sandbox());
    await new Promise((resolve) => setTimeout(resolve, 40));
    assert.equal(sandbox().chatapp.tokens.issued, 0);
    assert.equal((await response).status, 200);
    const started = Date.now();
    await refresh();
    assert.ok(Date.now() - started >= 75);
  });

  it('commit-then-reset issues the pair and loses the response', async () => {
    const old = sandbox().chatapp.issueToken();
    sandbox().chatapp.set({ refreshMode: 'commit-then-reset', refreshModeCount: 1 });
    await assert.rejects(chatapp.refresh(sandbox(), old.refreshToken ?? ''), { code: 'ECONNRESET' });
    const entry = sandbox().ledger.last();
    assert.deepEqual([entry?.outcome, entry?.issued, entry?.status], ['lost-answer', 'chatapp#2', null]);
    assert.equal((await chatapp.get(sandbox(), sandbox().chatapp.currentToken()?.accessToken ?? '')).status, 200);
    assert.equal((await chatapp.refresh(sandbox(), old.refreshToken ?? '')).status, 403);
  });

  it('reset resets and issues nothing', async () => {
    sandbox().chatapp.set({ loginMode: 'reset' });
    await assert.rejects(chatapp.login(sandbox()), { code: 'ECONNRESET' });
    assert.equal(sandbox().chatapp.tokens.issued, 0);
    await sandbox().ledger.idle();
    assert.equal(sandbox().ledger.last()?.aborted, false);
  });

  it('hang never responds; the ledger sees the client give up', async () => {
    sandbox().twin.set({ loginMode: 'hang' });
    const { iam } = sandbox().urls.twin;
    const signal = AbortSignal.timeout(80);
    await assert.rejects(call(iam, '/api/v1/auth/login', { json: sandbox().credentials.twin, signal }));
    await sandbox().ledger.idle();
    assert.equal(sandbox().ledger.last()?.aborted, true);
  });

  it('redirect leads to another name', async () => {
    sandbox().softline.set({ loginMode: 'redirect' });
    const response = await softline.login(sandbox());
    assert.equal(response.status, 307);
    assert.match(String(response.headers.location), /^http:\/\/localhost:\d+\/v1\/login_check\?redirected=1$/);
  });

  it('huge is a right response of more than 2 MiB', async () => {
    sandbox().chatapp.set({ refreshMode: 'huge' });
    const response = await refresh();
    assert.ok(response.bytes.length > 2 * 1_048_576);
    assert.equal(typeof response.at('data.accessToken'), 'string');
  });

  it('drip comes byte by byte', async () => {
    sandbox().softline.set({ loginMode: 'drip', dripMs: 1 });
    const sizes: number[] = [];
    const response = await call(sandbox().urls.softline, '/v1/login_check', {
      json: sandbox().credentials.softline,
      onData: (piece) => sizes.push(piece.length),
    });
    assert.ok(sizes.length > 20, `${sizes.length} pieces`);
    assert.equal((await softline.get(sandbox(), text(response, 'token'))).status, 200);
  });

  it('a response of your own', async () => {
    sandbox().chatapp.set({ loginMode: { status: 200, headers: { 'content-type': 'text/plain' }, body: 'ok' } });
    const response = await chatapp.login(sandbox());
    assert.deepEqual([response.status, response.text], [200, 'ok']);
  });

  it('patches: odd values in an otherwise right response', async () => {
    sandbox().chatapp.set({
      loginPatch: {
        'data.accessTokenEndTime': '3600',
        'data.refreshToken': null,
        'data.cabinetUserId': undefined,
        'a.b': [1],
      },
    });
    const response = await chatapp.login(sandbox());
    assert.equal(response.at('data.accessTokenEndTime'), '3600');
    assert.equal(response.at('data.refreshToken'), null);
    assert.equal(response.at('data.cabinetUserId'), undefined);
    assert.deepEqual(response.at('a.b'), [1]);
    sandbox().chatapp.set({ refreshPatch: { success: false } });
    assert.equal((await refresh()).at('success'), false);
  });
});
