import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { DigestSession } from '../../../src/flows/sign/digest-session.ts';
import type { Signature } from '../../../src/flows/sign/request-to-sign.ts';
import { signSchema, type SignDigest } from '../../../src/flows/sign/schema.ts';
import { UnfillableError } from '../../../src/flows/template.ts';
import { fieldIn, request } from './signing.ts';

const CONFIG = signSchema.parse({ sign: 'digest', user: '{user}', password: '{password}' }) as SignDigest;
const md5 = (text: string): string => createHash('md5').update(text).digest('hex');

describe('a Digest session', () => {
  let session: DigestSession;
  let cnonces: number;
  beforeEach(() => {
    cnonces = 0;
    session = new DigestSession(CONFIG, { user: 'u', password: 'p' }, () => `c${(cnonces += 1)}`);
  });

  const challenge = (nonce: string, more = ''): string => `Digest realm="r", qop="auth", nonce="${nonce}"${more}`;
  const part = (signature: Signature, name: string): string | undefined =>
    new RegExp(`[ ,]${name}="?([^",]*)`).exec(fieldIn(signature, 'authorization') ?? '')?.[1];

  it('sends nothing before the first challenge', () => {
    assert.deepEqual(session.sign(request()), { headers: [], query: [] });
  });

  it('counts the requests of one nonce, each with a cnonce of its own', () => {
    session.challenged(challenge('n1'));
    const sent = [1, 2, 3].map(() => session.sign(request()));
    assert.deepEqual(
      sent.map((one) => part(one, 'nc')),
      ['00000001', '00000002', '00000003'],
    );
    assert.equal(new Set(sent.map((one) => part(one, 'cnonce'))).size, 3);
    session.challenged(challenge('n2'));
    assert.equal(part(session.sign(request()), 'nc'), '00000001');
  });

  it('takes a random cnonce', () => {
    const own = new DigestSession(CONFIG, { user: 'u', password: 'p' });
    own.challenged(challenge('n'));
    assert.match(part(own.sign(request()), 'cnonce')!, /^[0-9a-f]{32}$/);
  });

  for (const algorithm of ['MD5-sess', 'SHA-256-sess', 'sha-256-SESS'])
    it(`${algorithm}: the key is of the first nonces, and all requests use them`, () => {
      session.challenged(challenge('n', `, algorithm=${algorithm}`));
      const hash = (text: string): string =>
        createHash(/md5/i.test(algorithm) ? 'md5' : 'sha256')
          .update(text)
          .digest('hex');
      const key = hash(`${hash('u:r:p')}:n:c1`);
      for (const nc of ['00000001', '00000002']) {
        const signature = session.sign(request({ url: 'https://api.example/a?b=c' }));
        assert.equal(part(signature, 'response'), hash(`${key}:n:${nc}:c1:auth:${hash('GET:/a?b=c')}`));
        assert.equal(part(signature, 'algorithm'), algorithm);
      }
    });

  it('auth-int covers the content, where auth is not offered', () => {
    session.challenged('Digest realm="r", qop="auth-int", nonce="n"');
    const signature = session.sign(request({ method: 'POST', body: 'abc' }));
    const expected = md5(`${md5('u:r:p')}:n:00000001:c1:auth-int:${md5(`POST:/:${md5('abc')}`)}`);
    assert.equal(part(signature, 'response'), expected);
    assert.throws(() => session.sign(request({ body: null })), UnfillableError);
    session.challenged('Digest realm="r", qop="auth-int,auth", nonce="n2"');
    assert.equal(part(session.sign(request({ body: null })), 'qop'), 'auth');
  });

  describe('is worth a replay', () => {
    it('at the first challenge, and not when its own answer is refused: the password is wrong', () => {
      const first = session.sign(request());
      assert.equal(session.challenged(challenge('n1'), first), true);
      const second = session.sign(request());
      assert.equal(session.challenged(challenge('n1'), second), false);
      assert.equal(session.challenged(challenge('n1')), false);
    });

    it('at a stale nonce, and at another nonce or realm', () => {
      session.challenged(challenge('n1'));
      assert.equal(session.challenged(challenge('n2', ', stale=true'), session.sign(request())), true);
      assert.equal(session.challenged(challenge('n3'), session.sign(request())), true);
      assert.equal(session.challenged('Digest realm="other", nonce="n3"', session.sign(request())), true);
      assert.equal(part(session.sign(request()), 'realm'), 'other');
      assert.equal(session.challenged('Digest realm="other", nonce="n3", STALE=TRUE', session.sign(request())), true);
    });

    it('for each of the requests that were on their way together', () => {
      const early = [1, 2].map(() => session.sign(request()));
      assert.deepEqual(
        early.map((sent) => session.challenged(challenge('n1'), sent)),
        [true, true],
      );
      const old = [1, 2].map(() => session.sign(request()));
      assert.equal(session.challenged(challenge('n2'), old[0]), true);
      const replay = session.sign(request());
      assert.equal(session.challenged(challenge('n2'), old[1]), true);
      // The count goes on: a server takes one that comes twice for an attack.
      assert.deepEqual([part(replay, 'nc'), part(session.sign(request()), 'nc')], ['00000001', '00000002']);
    });

    for (const field of [
      '',
      'Basic realm="r"',
      'Bearer error="invalid_token"',
      'Digest realm="r"',
      'Digest nonce="n"',
      'Digest realm="r", nonce="n", algorithm=SHA-3',
      'Digest realm="r", nonce="n", qop="auth-conf"',
      'Digest realm="ä", nonce="n"',
      'Digest realm="r", nonce="n\u0007"',
      'DigestX realm="r", nonce="n"',
    ])
      it(`not at ${field === '' ? 'nothing' : JSON.stringify(field)}`, () => {
        assert.equal(session.challenged(field), false);
        assert.deepEqual(session.sign(request()), { headers: [], query: [] });
      });
  });

  describe('of several challenges takes', () => {
    const digest = (algorithm: string): string => `Digest realm="r", nonce="n", qop="auth", algorithm=${algorithm}`;
    for (const [field, algorithm] of [
      [`Basic realm="a, b", ${digest('MD5')}`, 'MD5'],
      [`${digest('MD5')}, Basic realm="x"`, 'MD5'],
      [`${digest('MD5')}, ${digest('SHA-256')}`, 'SHA-256'],
      [`${digest('SHA-256')}, ${digest('MD5')}`, 'SHA-256'],
      [`${digest('SHA-256')}, ${digest('SHA-512-256')}, ${digest('unknown')}`, 'SHA-512-256'],
      [`${digest('MD5-sess')}, ${digest('SHA-256-sess')}`, 'SHA-256-sess'],
      [`Negotiate, NTLM, ${digest('MD5')}`, 'MD5'],
      [`Negotiate oYG2MIGzoAMKAQ==, ${digest('MD5')}`, 'MD5'],
    ])
      it(`the strongest that it knows: ${field!}`, () => {
        assert.equal(session.challenged(field!), true);
        assert.equal(part(session.sign(request()), 'algorithm'), algorithm);
      });
  });

  it('reads quotes, commas and backslashes in values, and writes them back', () => {
    session.challenged(
      'digest  Realm = "a \\"b\\", c=\\\\d" ,,NONCE="n,=x", opaque="o\\"", qop=auth,algorithm="MD5",domain="/a,/b"',
    );
    const realm = 'a "b", c=\\d';
    const signature = session.sign(request({ url: 'https://api.example/?a="b"' }));
    const field = fieldIn(signature, 'authorization')!;
    assert.ok(field.includes('realm="a \\"b\\", c=\\\\d", nonce="n,=x", uri="/?a=\\"b\\"", algorithm=MD5,'), field);
    assert.ok(field.endsWith(', opaque="o\\""'));
    assert.equal(
      part(signature, 'response'),
      md5(`${md5(`u:${realm}:p`)}:n,=x:00000001:c1:auth:${md5('GET:/?a="b"')}`),
    );
  });

  it('reads base64 without quotes', () => {
    assert.equal(session.challenged('Digest realm=r, nonce=ab/c+d==, qop=auth'), true);
    assert.equal(part(session.sign(request()), 'nonce'), 'ab/c+d==');
  });

  it('reads a field of a megabyte in no time', () => {
    for (const field of [
      'a '.repeat(500_000),
      '"'.repeat(1_000_000),
      `Digest ${'a="\\" '.repeat(200_000)}`,
      ' '.repeat(1_000_000),
      'a'.repeat(1_000_000),
      '='.repeat(1_000_000),
      'a/b'.repeat(300_000),
      ','.repeat(1_000_000),
    ])
      assert.equal(session.challenged(field), false);
  });

  it('names a user that is not ASCII as RFC 8187 does, and refuses one that cannot travel', () => {
    const other = new DigestSession(CONFIG, { user: "Jäs'n", password: 'ß' }, () => 'c');
    other.challenged(challenge('n'));
    const field = fieldIn(other.sign(request()), 'authorization')!;
    assert.match(field, /^Digest username\*=UTF-8''J%C3%A4s%27n, /);
    assert.ok(field.includes(`response="${md5(`${md5("Jäs'n:r:ß")}:n:00000001:c:auth:${md5('GET:/')}`)}"`));
    for (const user of ['a:b', 'a\nb', '\0'])
      assert.throws(() => new DigestSession(CONFIG, { user, password: 'p' }), {
        message: 'user of the signature holds characters that Digest authentication cannot carry',
      });
    assert.throws(() => new DigestSession(CONFIG, { user: 'u', password: '' }), UnfillableError);
  });
});
