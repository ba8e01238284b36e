import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { jwtVerify } from 'jose';
import { decoded, makeOne, NOW } from './making.ts';

const CURVES = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' };

describe('a made JWT', () => {
  let rsa: { publicKey: KeyObject; privateKey: KeyObject };
  before(() => {
    rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  });

  const verified = async (jwt: string, key: KeyObject | Uint8Array, alg: string): Promise<unknown> =>
    (await jwtVerify(jwt, key, { algorithms: [alg], currentDate: new Date(NOW) })).payload['sub'];
  const pem = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();

  for (const alg of ['HS256', 'HS384', 'HS512'])
    it(`${alg} is verified with the shared secret`, async () => {
      const jwt = await makeOne({ jwt: { alg, key: '{secret}', claims: { sub: 'me' } } }, { secret: 'täglich neu' });
      assert.equal(await verified(jwt, Buffer.from('täglich neu'), alg), 'me');
    });

  for (const alg of ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'])
    it(`${alg} is verified with the public key`, async () => {
      const jwt = await makeOne({ jwt: { alg, key: '{key}', claims: { sub: 'me' } } }, { key: pem(rsa.privateKey) });
      assert.equal(await verified(jwt, rsa.publicKey, alg), 'me');
    });

  for (const [alg, namedCurve] of Object.entries(CURVES))
    it(`${alg} is verified with the public key`, async () => {
      const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve });
      const jwt = await makeOne({ jwt: { alg, key: '{key}', claims: { sub: 'me' } } }, { key: pem(privateKey) });
      assert.equal(await verified(jwt, publicKey, alg), 'me');
    });

  it('EdDSA is verified with the public key', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const jwt = await makeOne({ jwt: { alg: 'EdDSA', key: '{key}', claims: { sub: 'me' } } }, { key: pem(privateKey) });
    assert.equal(await verified(jwt, publicKey, 'EdDSA'), 'me');
  });

  it('is signed with the bytes of the key, as RFC 7515 A.1 writes it, and as hex', async () => {
    const base64 = 'AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow';
    const bytes = Buffer.from(base64, 'base64url');
    for (const [keyEncoding, key] of [
      ['base64', base64],
      ['base64', bytes.toString('base64')],
      ['hex', bytes.toString('hex')],
    ]) {
      const jwt = await makeOne({ jwt: { alg: 'HS256', key, keyEncoding, claims: { iss: 'joe' } } });
      const [header, claims, signature] = jwt.split('.');
      assert.equal(createHmac('sha256', bytes).update(`${header!}.${claims!}`).digest('base64url'), signature);
    }
  });

  it('says when it was made, and ends after five minutes', async () => {
    const { header, claims } = decoded(await makeOne({ jwt: { alg: 'HS256', key: 'k' } }));
    assert.deepEqual(header, { alg: 'HS256', typ: 'JWT' });
    assert.deepEqual(claims, { iat: 1893456000, exp: 1893456300 });
  });

  it('has the lifetime, the times and the id that the flow says', async () => {
    const short = decoded(await makeOne({ jwt: { alg: 'HS256', key: 'k', lifetime: '10m', jti: true } })).claims;
    assert.equal(short['exp'], 1893456600);
    assert.match(String(short['jti']), /^[0-9a-f-]{36}$/);
    const own = decoded(await makeOne({ jwt: { alg: 'HS256', key: 'k', claims: { iat: 1, exp: 2 } } })).claims;
    assert.deepEqual(own, { iat: 1, exp: 2 });
  });

  it('has claims and header parameters in which values are filled in, with their types', async () => {
    const jwt = await makeOne(
      {
        jwt: {
          alg: 'HS256',
          key: 'k',
          kid: '{keyId}',
          type: 'at+jwt',
          headers: { cty: '{kind}' },
          claims: {
            iss: '{user}',
            aud: ['https://{host}/token', 7],
            scope: '{scope?}',
            age: '{age}',
            deep: { a: null },
          },
        },
      },
      { keyId: 'k1', kind: 'x', user: 'me', host: 'id.example', age: 41 },
    );
    const { header, claims } = decoded(jwt);
    assert.deepEqual(header, { alg: 'HS256', typ: 'at+jwt', kid: 'k1', cty: 'x' });
    const { iat, exp, ...rest } = claims;
    assert.equal(Number(exp) - Number(iat), 300);
    assert.deepEqual(rest, { iss: 'me', aud: ['https://id.example/token', 7], age: 41, deep: { a: null } });
  });

  it('leaves out kid and typ that are empty', async () => {
    const { header } = decoded(await makeOne({ jwt: { alg: 'HS256', key: 'k', kid: '{keyId?}', type: '{type?}' } }));
    assert.deepEqual(header, { alg: 'HS256' });
  });

  it('carries control characters and a claim of a megabyte', async () => {
    const text = `"\n\u0000\u2028${'ä'.repeat(500_000)}`;
    const { claims } = decoded(
      await makeOne({ jwt: { alg: 'HS256', key: 'k', claims: { text: '{text}' } } }, { text }),
    );
    assert.equal(claims['text'], text);
  });
});
