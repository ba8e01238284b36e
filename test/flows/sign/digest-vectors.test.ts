import assert from 'node:assert/strict';
import { DigestSession } from '../../../src/flows/sign/digest-session.ts';
import { signSchema, type SignDigest } from '../../../src/flows/sign/schema.ts';
import { fieldIn, request } from './signing.ts';

const CONFIG = signSchema.parse({ sign: 'digest', user: '{user}', password: '{password}' }) as SignDigest;
const URL = 'http://www.example.org/dir/index.html';
const CNONCE = 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ';
const NONCE = '7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v';
const OPAQUE = 'FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS';

/** The value of Authorization after these challenges. */
function answer(
  challenges: string,
  { user = 'Mufasa', password = 'Circle of Life', cnonce = CNONCE, toSign = request({ url: URL }) } = {},
): string {
  const session = new DigestSession(CONFIG, { user, password }, () => cnonce);
  assert.equal(session.challenged(challenges), true);
  return fieldIn(session.sign(toSign), 'authorization')!;
}

const challenge = (algorithm: string, qop = 'auth, auth-int'): string =>
  `Digest realm="http-auth@example.org", qop="${qop}", algorithm=${algorithm}, nonce="${NONCE}", opaque="${OPAQUE}"`;

describe('a Digest response', () => {
  for (const [algorithm, response] of [
    ['MD5', '8ca523f5e9506fed4657c9700eebdbec'],
    ['SHA-256', '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1'],
  ])
    it(`with ${algorithm!} is that of RFC 7616 §3.9.1`, () => {
      assert.equal(
        answer(challenge(algorithm!)),
        `Digest username="Mufasa", realm="http-auth@example.org", nonce="${NONCE}", uri="/dir/index.html", ` +
          `algorithm=${algorithm!}, qop=auth, nc=00000001, cnonce="${CNONCE}", response="${response!}", opaque="${OPAQUE}"`,
      );
    });

  it('with SHA-512-256, a hashed user and UTF-8 is that of RFC 7616 §3.9.2, as its erratum states it', () => {
    const field = answer(
      'Digest realm="api@example.org", qop="auth", algorithm=SHA-512-256, ' +
        'nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", ' +
        'opaque="HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS", charset=UTF-8, userhash=true',
      {
        user: 'Jäsøn Doe',
        password: 'Secret, or not?',
        cnonce: 'NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v',
        toSign: request({ url: 'http://api.example.org/doe.json' }),
      },
    );
    assert.match(field, /username="793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b"/);
    assert.match(field, /response="3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"/);
    assert.match(field, /userhash=true$/);
  });

  it('is that of RFC 2617 §3.5, whose challenge names no algorithm', () => {
    const field = answer(
      'Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", ' +
        'opaque="5ccc069c403ebaf9f0171e9517f40e41"',
      { password: 'Circle Of Life', cnonce: '0a4f113b' },
    );
    assert.match(field, /response="6629fae49393a05397450978507c4ef1"/);
    assert.doesNotMatch(field, /algorithm/);
  });

  it('is that of RFC 2069 without a qop: no count, no cnonce', () => {
    // RFC 2069 §2.4, by its erratum.
    const field = answer('Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="x"', {
      password: 'CircleOfLife',
    });
    assert.match(field, /response="1949323746fe6a43ef61f9606e7febea"/);
    assert.doesNotMatch(field, /qop|nc=|cnonce/);
  });
});
