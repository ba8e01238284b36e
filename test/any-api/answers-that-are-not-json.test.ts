import assert from 'node:assert/strict';
import { call } from '../support/call.ts';
import { closing, startCustomProxy } from '../support/custom-proxy.ts';
import { recordingServer, type Reply } from '../support/recording-server.ts';
import { ownCode } from '../support/world.ts';

const XML = { 'content-type': 'text/xml' };
const ENVELOPE = (inner: string): string =>
  `<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>${inner}</s:Body></s:Envelope>`;

describe('an API that does not speak JSON', () => {
  const close = closing();

  async function start(login: object, answer: () => Reply, more: object = {}, api: () => Reply = () => ({})) {
    const server = await close(recordingServer(({ url }) => (url === '/login' ? answer() : api())));
    const proxy = await close(
      startCustomProxy({
        flows: {
          own: { baseUrl: server.url, credentials: { user: 'required' }, login: { url: '/login', ...login }, ...more },
        },
        accounts: { a: { flow: 'own', credentials: { user: 'a<b>&"c' } } },
        routes: [{ prefix: '/a', upstream: server.url, account: 'a' }],
      }),
    );
    return { server, proxy };
  }

  for (const [what, token, reply] of [
    ['a bare JSON string', 'text', { body: '"tok-1"' }],
    ['plain text', 'text', { body: 'tok-1\n', headers: { 'content-type': 'text/plain' } }],
    ['a form', 'form:access_token', { body: 'access_token=tok-1&expires_in=60' }],
    ['a header field', 'header:X-Subject-Token', { headers: { 'x-subject-token': 'tok-1' } }],
    ['a cookie', 'cookie:session_id', { headers: { 'set-cookie': ['a=b', 'session_id=tok-1; HttpOnly'] } }],
    ['an element', 'xml:/Envelope/Body/id', { body: ENVELOPE('<id>tok-1</id>'), headers: XML }],
    ['an attribute', 'xml:/login/@sid', { body: '<login sid="tok-1"/>', headers: XML }],
  ] as const)
    it(`has its token in ${what}`, async () => {
      const { server, proxy } = await start({ answer: { token } }, () => reply);
      assert.equal((await call(proxy.url, '/a/x')).status, 200);
      assert.equal(server.seen[1]?.headers.authorization, 'Bearer tok-1');
    });

  it('gets its login in XML, with every value escaped', async () => {
    const { server, proxy } = await start(
      { xml: '<login user="{user}">{user}</login>', answer: { token: '/t' } },
      () => ({
        body: { t: 'tok-1' },
      }),
    );
    await call(proxy.url, '/a/x');
    assert.equal(server.seen[0]?.body, '<login user="a&#60;b&#62;&#38;&#34;c">a&#60;b&#62;&#38;&#34;c</login>');
    assert.match(server.seen[0]?.headers['content-type'] ?? '', /^text\/xml/);
  });

  it('says that a session has ended in a SOAP fault, and the client never notices', async () => {
    let faults = 1;
    const { server, proxy } = await start(
      { answer: { token: 'text' } },
      () => ({ body: `tok-${2 - faults}` }),
      { invalid: [{ status: 500, body: { 'xml:/Envelope/Body/Fault/faultcode': 'session.expired' } }] },
      () =>
        faults-- > 0
          ? { status: 500, headers: XML, body: ENVELOPE('<s:Fault><faultcode>session.expired</faultcode></s:Fault>') }
          : {},
    );
    assert.equal((await call(proxy.url, '/a/x', { method: 'POST', body: '<x/>', headers: XML })).status, 200);
    assert.equal(server.seen.filter(({ url }) => url === '/login').length, 2);
  });

  it('says it in a sentence', async () => {
    let ended = 1;
    const { server, proxy } = await start(
      { answer: { token: 'text' } },
      () => ({ body: `tok-${2 - ended}` }),
      { invalid: [{ status: 200, contains: 'session has EXPIRED' }] },
      () => (ended-- > 0 ? { headers: { 'content-type': 'text/html' }, body: '<p>Your Session has expired.</p>' } : {}),
    );
    assert.equal((await call(proxy.url, '/a/x')).text, '{}');
    assert.equal(server.seen.length, 4);
  });

  for (const [what, body] of [
    ['entities without end', '<!DOCTYPE x [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;">]><login sid="&b;"/>'],
    ['elements nested a thousand deep', `${'<a>'.repeat(1_000)}${'</a>'.repeat(1_000)}`],
    ['no end', '<login sid="tok-1">'],
    ['a control character in its place', '<login sid="tok&#10;1"/>'],
  ] as const)
    it(`with ${what} brings no token, and does no harm`, async () => {
      const { server, proxy } = await start({ answer: { token: 'xml:/login/@sid' } }, () => ({ body, headers: XML }));
      const reply = await call(proxy.url, '/a/x');
      assert.equal(ownCode(reply), 'token_unavailable');
      assert.match(reply.text, /at xml:\/login\/@sid/);
      assert.ok(server.seen.every(({ url }) => url === '/login'));
    });
});
