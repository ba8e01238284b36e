import assert from 'node:assert/strict';
import { utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { keyDigest } from '../../../src/proxy/caller.ts';
import { call, type Answer } from '../../support/call.ts';
import { FakeClock } from '../../support/clock.ts';
import { freshFolder } from '../../support/files.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';
import { ownCode } from '../../support/world.ts';
import { AUDIENCE, BACKEND, claims, forged, ISSUER, signingKey, type SigningKey } from './jwt-makers.ts';

const KEY = 'kEy-of-the-batch-job-2b1f60';

describe('callers with a JWT, checked against a key set file', () => {
  const folder = freshFolder();
  const close = closing();
  let key: SigningKey;
  let rsa: SigningKey;
  before(async () => {
    key = await signingKey('one');
    rsa = await signingKey('two', 'RS256');
  });

  async function stage(more: object = {}) {
    const clock = new FakeClock();
    const jwks = join(folder(), 'jwks.json');
    writeFileSync(jwks, JSON.stringify({ keys: [key.jwk, rsa.jwk] }));
    const upstream = await close(fakeUpstream());
    const proxy = await close(
      startCustomProxy(
        {
          jwt: { issuer: ISSUER, audience: AUDIENCE, jwks, ...more },
          callers: [
            { name: 'backend', jwt: BACKEND, routes: ['/shop'] },
            { name: 'batch', key: keyDigest(KEY) },
          ],
          routes: [
            { prefix: '/shop', upstream: upstream.url, account: 'fixed' },
            { prefix: '/other', upstream: upstream.url, account: 'fixed' },
          ],
        },
        { clock },
      ),
    );
    const ask = (token: string, target = '/shop/a'): Promise<Answer> =>
      call(proxy.url, target, { headers: { authorization: `Bearer ${token}` } });
    return { clock, jwks, upstream, proxy, ask };
  }

  it('are let in with a service-account token, on their routes only', async () => {
    const { upstream, ask } = await stage();
    for (const one of [key, rsa]) assert.equal((await ask(await one.token())).status, 200);
    assert.equal((await ask(await key.token({ aud: ['https://kubernetes.default.svc', AUDIENCE] }))).status, 200);
    assert.equal(ownCode(await ask(await key.token(), '/other/a')), 'caller_not_allowed');
    assert.equal(upstream.seen.length, 3);
  });

  it('may show it wherever a key may stand, and it never travels', async () => {
    const { upstream, proxy } = await stage();
    const token = await key.token();
    const places: Record<string, string>[] = [
      { authorization: `Bearer ${token}` },
      { 'x-tokenward-key': token },
      { 'x-api-key': token },
      { 'proxy-authorization': `Bearer ${token}` },
      { authorization: `Basic ${Buffer.from(`jwt:${token}`).toString('base64')}` },
    ];
    for (const headers of places) assert.equal((await call(proxy.url, '/shop/a', { headers })).status, 200);
    assert.equal(upstream.seen.length, places.length);
    for (const { rawHeaders } of upstream.seen) {
      const text = rawHeaders.join('\n');
      for (const secret of [token, token.split('.')[2]!, Buffer.from(`jwt:${token}`).toString('base64')])
        assert.ok(!text.includes(secret));
    }
    assert.ok(!proxy.lines.join('\n').includes(token.split('.')[2]!));
  });

  it('are refused for every fault of the token: 403, and nothing goes out', async () => {
    const { upstream, proxy } = await stage();
    const now = Math.floor(Date.now() / 1000);
    const stranger = await signingKey('one');
    const good = await key.token();
    const [head, body, signature] = good.split('.') as [string, string, string];
    const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString();
    const tokens: Record<string, string> = {
      expired: await key.token({ iat: now - 700, nbf: now - 700, exp: now - 60 }),
      'without exp': await key.token({ exp: undefined }),
      'exp that is no number': await key.token({ exp: '9999999999' }),
      'not valid yet': await key.token({ nbf: now + 600 }),
      'another issuer': await key.token({ iss: 'https://evil.example' }),
      'issuer with a slash more': await key.token({ iss: `${ISSUER}/` }),
      'without issuer': await key.token({ iss: undefined }),
      'another audience': await key.token({ aud: ['vault'] }),
      'without audience': await key.token({ aud: undefined }),
      'another service account': await key.token({ sub: 'system:serviceaccount:shop:frontend' }),
      "caller's name as a prefix": await key.token({ sub: `${BACKEND}x` }),
      'subject in other case': await key.token({ sub: BACKEND.toUpperCase() }),
      'without subject': await key.token({ sub: undefined }),
      'signed with another key of the same id': await stranger.token(),
      'unknown kid': await (await signingKey('three')).token(),
      'signature of another token': `${head}.${Buffer.from(JSON.stringify(claims())).toString('base64url')}.${signature}`,
      'signature cut': `${head}.${body}.${signature.slice(0, -4)}`,
      'alg none': forged({ alg: 'none', kid: 'one' }, claims()),
      'alg none with something for a signature': `${forged({ alg: 'none', kid: 'one' }, claims())}AAAA`,
      'alg None': `${forged({ alg: 'None', kid: 'one' }, claims())}AAAA`,
      'HS256 with the public key (PEM) as secret': forged({ alg: 'HS256', kid: 'two' }, claims(), pem),
      'HS256 with the public key (PEM, without its last line end) as secret': forged(
        { alg: 'HS256', kid: 'two' },
        claims(),
        pem.trimEnd(),
      ),
      'HS256 with the public key (DER) as secret': forged(
        { alg: 'HS256', kid: 'two' },
        claims(),
        rsa.publicKey.export({ type: 'spki', format: 'der' }),
      ),
      'HS256 with the modulus as secret': forged(
        { alg: 'HS256', kid: 'two' },
        claims(),
        Buffer.from(rsa.jwk.n!, 'base64url'),
      ),
      'HS256 with an empty secret': forged({ alg: 'HS256', kid: 'one' }, claims(), ''),
      'a key of its own in its head': forged({ alg: 'ES256', jwk: stranger.jwk }, claims(), 'x'),
      'a critical extension nobody knows': `${Buffer.from(JSON.stringify({ alg: 'ES256', kid: 'one', crit: ['x'], x: 1 })).toString('base64url')}.${body}.${signature}`,
      'claims that are no JSON': `${head}.AAAA.${signature}`,
      'head that is no JSON': `eyJAAAA.${body}.${signature}`,
    };
    let address = 1;
    for (const [fault, token] of Object.entries(tokens)) {
      // From an address each, because too many wrong ones silence theirs.
      address += 1;
      const answer = await call(proxy.url, '/shop/a', {
        headers: { authorization: `Bearer ${token}` },
        from: `127.0.0.${address}`,
      });
      assert.deepEqual([answer.status, ownCode(answer)], [403, 'caller_key_unknown'], fault);
      assert.ok(!answer.text.includes(token.split('.')[1]!), fault);
    }
    assert.equal(upstream.seen.length, 0);
    assert.doesNotMatch(proxy.lines.join('\n'), /unexpected fault/);
  });

  it('do not take the keys of others away', async () => {
    const { upstream, proxy } = await stage();
    assert.equal((await call(proxy.url, '/other/a', { headers: { 'x-tokenward-key': KEY } })).status, 200);
    // An API's own token beside the key is nobody's proof.
    assert.equal(
      (
        await call(proxy.url, '/other/a', {
          headers: { 'x-tokenward-key': KEY, authorization: `Bearer ${forged({ alg: 'none' }, claims())}AAAA` },
        })
      ).status,
      200,
    );
    assert.equal(upstream.seen.length, 2);
  });

  it('are remembered until their token ends, and no longer', async () => {
    const { clock, ask } = await stage();
    const seconds = Math.floor(clock.wall() / 1_000);
    const [short, long] = [await key.token({ exp: seconds + 20 }), await key.token({ exp: seconds + 3_600 })];
    for (const token of [short, long, short, long]) assert.equal((await ask(token)).status, 200);
    clock.pass(45_000);
    assert.equal((await ask(short)).status, 200, 'clocks may differ by 30 s');
    clock.pass(6_000);
    assert.equal(ownCode(await ask(short)), 'caller_key_unknown');
    assert.equal((await ask(long)).status, 200);
  });

  it('who are remembered keep to their routes, and another token is not taken for theirs', async () => {
    const { upstream, ask } = await stage();
    const token = await key.token();
    for (let count = 0; count < 3; count += 1) assert.equal((await ask(token)).status, 200);
    assert.equal(ownCode(await ask(token, '/other/a')), 'caller_not_allowed');
    const other = `${token.slice(0, -4)}${token.endsWith('AAAA') ? 'BBBB' : 'AAAA'}`;
    assert.equal(ownCode(await ask(other)), 'caller_key_unknown');
    assert.equal(upstream.seen.length, 3);
  });

  it('who are remembered are refused once their key is no longer in the file', async () => {
    const { clock, jwks, ask } = await stage();
    const [first, second] = [await key.token(), await rsa.token()];
    for (const token of [first, second]) assert.equal((await ask(token)).status, 200);
    writeFileSync(jwks, JSON.stringify({ keys: [rsa.jwk] }));
    utimesSync(jwks, new Date(), new Date(Date.now() + 5_000));
    clock.pass(6_000);
    assert.equal(ownCode(await ask(first)), 'caller_key_unknown');
    assert.equal((await ask(second)).status, 200);
  });

  it('may be named by another claim', async () => {
    const { ask } = await stage({ claim: 'client_id' });
    assert.equal((await ask(await key.token({ client_id: BACKEND, sub: 'whoever' }))).status, 200);
    for (const client_id of [undefined, '', 7, [BACKEND], { name: BACKEND }])
      assert.equal(ownCode(await ask(await key.token({ client_id }))), 'caller_key_unknown');
  });

  it('are checked against the file as it is now, and a broken one leaves the earlier keys in place', async () => {
    const { clock, jwks, ask } = await stage();
    const next = await signingKey('next');
    const later = (text: string, seconds: number): void => {
      writeFileSync(jwks, text);
      utimesSync(jwks, Date.now() / 1000 + seconds, Date.now() / 1000 + seconds);
    };
    assert.equal((await ask(await key.token())).status, 200);
    later(JSON.stringify({ keys: [next.jwk] }), 10);
    clock.pass(5_001);
    assert.equal((await ask(await next.token())).status, 200);
    assert.equal(ownCode(await ask(await key.token())), 'caller_key_unknown');
    later('{"keys": [', 20);
    clock.pass(5_001);
    assert.equal((await ask(await next.token())).status, 200);
  });
});
