import assert from 'node:assert/strict';
import { call } from '../support/call.ts';
import { closing, startCustomProxy } from '../support/custom-proxy.ts';
import { recordingServer } from '../support/recording-server.ts';
import { ownCode } from '../support/world.ts';

const JSON_TYPE = { 'content-type': 'application/json' };
const FORM_TYPE = { 'content-type': 'application/x-www-form-urlencoded' };

describe('a token in the body of each request', () => {
  const close = closing();

  async function start(attach: object) {
    const server = await close(recordingServer(() => ({})));
    const proxy = await close(
      startCustomProxy({
        flows: { shop: { credentials: { token: 'required' }, attach } },
        accounts: { shop: { flow: 'shop', credentials: { token: 'tOkEn-1' } } },
        routes: [{ prefix: '/shop', upstream: server.url, account: 'shop', maxReplayBody: '1 KiB' }],
      }),
    );
    const post = (body: string | Buffer, headers: Record<string, string>) =>
      call(proxy.url, '/shop/x', { method: 'POST', body, headers });
    return { server, post, proxy };
  }

  for (const [sent, arrives] of [
    ['{"a":12345678901234567890}', '{"token":"tOkEn-1","a":12345678901234567890}'],
    ['{}', '{"token":"tOkEn-1"}'],
    ['{ "token" : "mine", "b" : [1.0] }', '{ "token" : "tOkEn-1", "b" : [1.0] }'],
    ['{"token":1,"x":{"token":2},"token":{"y":3}}', '{"token":"tOkEn-1","x":{"token":2},"token":"tOkEn-1"}'],
  ] as const)
    it(`is a member of the JSON object: ${sent}`, async () => {
      const { server, post } = await start({ json: '/token' });
      assert.equal((await post(sent, JSON_TYPE)).status, 200);
      assert.equal(server.seen[0]?.body, arrives);
    });

  it('stands in an object of the JSON object', async () => {
    const { server, post } = await start({ json: '/auth/key' });
    await post('{"auth":{"user":1},"b":2}', JSON_TYPE);
    assert.equal(server.seen[0]?.body, '{"auth":{"key":"tOkEn-1","user":1},"b":2}');
  });

  it('is a field of the form, in place of one of its name', async () => {
    const { server, post } = await start({ form: 'key' });
    await post('a=1&key=mine&b=%20', FORM_TYPE);
    assert.equal(server.seen[0]?.body, 'a=1&b=%20&key=tOkEn-1');
  });

  for (const [sent, arrives] of [
    ['k%65y=mine&key&a+b=1&key=', 'a+b=1&key=tOkEn-1'],
    ['a=%E4%FF&b=\xe4\xff&', 'a=%E4%FF&b=\xe4\xff&key=tOkEn-1'],
    ['keys=1&KEY=2&%6B=3', 'keys=1&KEY=2&%6B=3&key=tOkEn-1'],
  ] as const)
    it(`replaces a field however its name is written, and no other: ${sent}`, async () => {
      const { server, post } = await start({ form: 'key' });
      await post(Buffer.from(sent, 'latin1'), FORM_TYPE);
      assert.equal(server.seen[0]?.bytes.toString('latin1'), arrives);
    });

  it('leaves bytes of a body alone that are not UTF-8', async () => {
    const { server, post } = await start({ json: '/token' });
    await post(Buffer.from('{"name":"\xcf\xf0\xe8\xe2\xe5\xf2"}', 'latin1'), JSON_TYPE);
    assert.equal(server.seen[0]?.bytes.toString('latin1'), '{"token":"tOkEn-1","name":"\xcf\xf0\xe8\xe2\xe5\xf2"}');
  });

  it('is not sent with a body of another kind, or one that is too long: nothing arrives', async () => {
    const { server, post } = await start({ json: '/token' });
    for (const [body, status, code] of [
      ['[1]', 400, 'request_malformed'],
      ['no json', 400, 'request_malformed'],
      [JSON.stringify({ a: 'x'.repeat(2_000) }), 413, 'body_too_large'],
    ] as const) {
      const reply = await post(body, JSON_TYPE);
      assert.deepEqual([reply.status, ownCode(reply)], [status, code]);
    }
    assert.equal(server.seen.length, 0);
  });

  it('leaves a request without a body as it is', async () => {
    const { server, proxy } = await start({ json: '/token' });
    assert.equal((await call(proxy.url, '/shop/x')).status, 200);
    assert.equal(server.seen[0]?.body, '');
  });
});
