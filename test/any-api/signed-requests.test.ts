import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { call } from '../support/call.ts';
import { closing, startCustomProxy } from '../support/custom-proxy.ts';
import { recordingServer, type SeenRequest } from '../support/recording-server.ts';

const md5 = (text: string): string => createHash('md5').update(text).digest('hex');

describe('a signature on each request', () => {
  const close = closing();

  it('covers what is sent, and the secret stays here', async () => {
    const server = await close(recordingServer(() => ({})));
    const proxy = await close(
      startCustomProxy({
        flows: {
          exchange: {
            credentials: { apiKey: 'required', secret: 'required' },
            attach: {
              sign: 'hmac',
              key: '{secret}',
              of: '{query}{body}',
              headers: { 'X-MBX-APIKEY': '{apiKey}' },
              query: { timestamp: '{timestampMs}', signature: '{signature}' },
            },
          },
        },
        accounts: { x: { flow: 'exchange', credentials: { apiKey: 'key-1', secret: 'very-secret-2' } } },
        routes: [{ prefix: '/x', upstream: server.url, account: 'x' }],
      }),
    );
    const headers = { 'x-mbx-apikey': 'mine' };
    assert.equal(
      (await call(proxy.url, '/x/order?symbol=A&qty=1', { method: 'POST', body: 'b=2', headers })).status,
      200,
    );
    const [request] = server.seen;
    const { search, searchParams } = new URL(request!.url, 'http://x');
    const signed = `${search.slice(1, search.indexOf('&signature='))}b=2`;
    assert.equal(searchParams.get('signature'), createHmac('sha256', 'very-secret-2').update(signed).digest('hex'));
    assert.equal(request!.headers['x-mbx-apikey'], 'key-1');
    assert.ok(!JSON.stringify(request).includes('very-secret-2'));
  });

  it('answers a Digest challenge once, and goes on with its nonce', async () => {
    const isRight = ({ method, url, headers }: SeenRequest): boolean => {
      const field = (name: string): string =>
        new RegExp(`${name}="?([^",]*)"?`).exec(headers.authorization ?? '')?.[1] ?? '';
      const [a1, a2] = [md5('alice:realm:pass-word-1'), md5(`${method}:${url}`)];
      return field('response') === md5(`${a1}:n1:${field('nc')}:${field('cnonce')}:auth:${a2}`);
    };
    const server = await close(
      recordingServer((request) =>
        isRight(request)
          ? {}
          : { status: 401, headers: { 'www-authenticate': 'Digest realm="realm", nonce="n1", qop="auth"' } },
      ),
    );
    const start = (password: string) =>
      close(
        startCustomProxy({
          flows: {
            camera: {
              credentials: { user: 'required', password: 'required' },
              attach: { sign: 'digest', user: '{user}', password: '{password}' },
            },
          },
          accounts: { c: { flow: 'camera', credentials: { user: 'alice', password } } },
          routes: [{ prefix: '/c', upstream: server.url, account: 'c' }],
        }),
      );
    const proxy = await start('pass-word-1');
    for (const path of ['/c/a?x=1', '/c/b', '/c/c']) assert.equal((await call(proxy.url, path)).status, 200);
    assert.deepEqual(
      server.seen.map(({ url }) => url),
      ['/a?x=1', '/a?x=1', '/b', '/c'],
    );
    server.seen.length = 0;
    const wrong = await start('wrong-password');
    assert.equal((await call(wrong.url, '/c/a')).status, 401);
    assert.equal(server.seen.length, 2);
  });

  it('answers a challenge that comes with a fresh nonce after each use, and never twice for one request', async () => {
    let count = 0;
    const server = await close(
      recordingServer(() => {
        count += 1;
        return { status: 401, headers: { 'www-authenticate': `Digest realm="r", nonce="n${count}", qop="auth"` } };
      }),
    );
    const proxy = await close(
      startCustomProxy({
        flows: {
          camera: {
            credentials: { user: 'required', password: 'required' },
            attach: { sign: 'digest', user: '{user}', password: '{password}' },
          },
        },
        accounts: { c: { flow: 'camera', credentials: { user: 'alice', password: 'wrong-password' } } },
        routes: [{ prefix: '/c', upstream: server.url, account: 'c' }],
      }),
    );
    assert.equal((await call(proxy.url, '/c/a', { method: 'POST', body: 'x' })).status, 401);
    assert.deepEqual(
      server.seen.map(({ body }) => body),
      ['x', 'x'],
    );
  });

  for (const target of [
    '/b/%zz',
    '/b/%E0%A4%A',
    '/b/a?x=%',
    "/b/a'(b)*?q=%27&q=b&q=a+c",
    '/b//x',
    '/b/%2e/x?%=&&=',
    '/b/é',
  ])
    it(`with AWS's is made for any target that passes, or refused, and nothing breaks: ${target}`, async () => {
      const server = await close(recordingServer(() => ({})));
      const proxy = await close(
        startCustomProxy({
          flows: {
            bucket: {
              credentials: { keyId: 'required', secret: 'required' },
              attach: { sign: 'aws4', region: 'eu-west-1', service: 's3', key: '{keyId}', secret: '{secret}' },
            },
          },
          accounts: { b: { flow: 'bucket', credentials: { keyId: 'AKIDEXAMPLE', secret: 'very-secret-4' } } },
          routes: [{ prefix: '/b', upstream: server.url, account: 'b' }],
        }),
      );
      const headers = { 'x-amz-security-token': 'mine' };
      const reply = await call(proxy.url, target, { headers });
      assert.ok(
        reply.status === 200 || /"request_(not_signable|target_refused)"/.test(reply.text),
        `${reply.status} ${reply.text}`,
      );
      for (const request of server.seen) {
        assert.match(String(request.headers.authorization), /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\//);
        assert.equal(request.headers['x-amz-security-token'], undefined);
      }
    });
});
