import assert from 'node:assert/strict';
import { call, freshSandbox } from './client.ts';

describe('sandbox: twin operations', () => {
  const sandbox = freshSandbox();
  const send = (origin: string, target: string, options: NonNullable<Parameters<typeof call>[2]> = {}) =>
    call(origin, target, {
      ...options,
      headers: { ...options.headers, Authorization: `Bearer ${sandbox().twin.issueToken().accessToken}` },
    });

  it('starts, plays and imports an auto call on cis', async () => {
    const { cis } = sandbox().urls.twin;
    const made = await send(cis, '/api/v1/telephony/autoCall', { json: { name: 'x' } });
    assert.match(String(made.at('id.identity')), /^[0-9a-f-]{36}$/);
    const batch = await send(cis, '/api/v1/telephony/autoCallCandidate/batch', { json: { batch: [1, 2] } });
    assert.equal(batch.at('accepted'), 2);
    const play = await send(cis, `/api/v1/telephony/autoCall/${String(made.at('id.identity'))}/play`, {
      method: 'POST',
    });
    assert.equal(play.status, 200);
    assert.deepEqual([sandbox().ledger.last()?.bodyBytes, sandbox().ledger.last()?.applied], [0, true]);
    const multipart = { 'content-type': 'multipart/form-data; boundary=b' };
    const imported = await send(cis, '/api/v1/telephony/autoCall/import', { headers: multipart, body: '--b--\r\n' });
    assert.equal(imported.status, 200);
  });

  it('sends messages, tells who I am, and searches sessions', async () => {
    const { notify, iam, analyse } = sandbox().urls.twin;
    assert.equal((await send(notify, '/api/v1/messages', { json: { text: 'x' } })).status, 200);
    assert.equal((await send(iam, '/api/v1/users/me')).at('companyId'), 570);
    assert.equal((await send(analyse, '/api/v1/search/cis/sessions?limit=1')).at('count'), 1);
  });

  it('answers 404 outside /api/v1', async () => {
    const response = await send(sandbox().urls.twin.bot, '/elsewhere');
    assert.equal(response.status, 404);
  });
});
