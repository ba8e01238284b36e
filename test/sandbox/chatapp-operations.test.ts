import assert from 'node:assert/strict';
import { call, chatapp, freshSandbox } from './client.ts';

const CHAT = '/v1/licenses/5120/messengers/grWhatsApp/chats/79001234567@c.us';

describe('sandbox: chatapp operations', () => {
  const sandbox = freshSandbox();
  const send = (target: string, options: Parameters<typeof call>[2]) =>
    call(sandbox().urls.chatapp, target, {
      ...options,
      headers: { ...options?.headers, Authorization: sandbox().chatapp.currentToken()?.accessToken ?? '' },
    });
  beforeEach(() => {
    sandbox().chatapp.issueToken();
  });

  it('sends a text', async () => {
    const response = await send(`${CHAT}/messages/text`, { json: { text: 'hello' } });
    assert.equal(response.at('success'), true);
    assert.equal(response.at('data.chatId'), '79001234567@c.us');
    assert.equal(typeof response.at('data.id'), 'string');
    assert.equal(sandbox().ledger.last()?.applied, true);
    assert.equal((await send(`${CHAT}/messages/text`, { json: {} })).status, 422);
    assert.equal(sandbox().ledger.last()?.applied, false);
  });

  it('sends a file as multipart only', async () => {
    const body = '--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\nx\r\n--b--\r\n';
    const headers = { 'content-type': 'multipart/form-data; boundary=b' };
    assert.equal((await send(`${CHAT}/messages/file`, { headers, body })).status, 200);
    assert.equal((await send(`${CHAT}/messages/file`, { json: {} })).status, 422);
  });

  it('answers the reads, brackets and @ as they came', async () => {
    for (const target of [
      '/v1/licenses',
      '/v1/me',
      '/v1/tokens/check',
      `${CHAT}/messages?limit=100`,
      '/v1/chats?filter[licenseIds]=5120',
    ]) {
      assert.equal((await send(target, {})).at('success'), true, target);
      assert.equal(sandbox().ledger.last()?.target, target);
    }
    assert.equal((await send(`${CHAT}/messages?limit=101`, {})).status, 422);
  });

  it('sets and removes a callback URL', async () => {
    const target = '/v1/licenses/5120/messengers/grWhatsApp/callbackUrl';
    assert.equal((await send(target, { method: 'PUT', json: {} })).status, 200);
    assert.equal((await send(target, { method: 'DELETE' })).status, 200);
  });

  it('answers 404 in its envelope outside /v1', async () => {
    const response = await chatapp.get(sandbox(), 'whatever', '/nothing');
    assert.deepEqual([response.status, response.at('success')], [404, false]);
  });
});
