import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, X509Certificate, type KeyObject } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { Authority } from '../../support/certificates.ts';
import { freshFolder } from '../../support/files.ts';
import { login, shown } from './caller.ts';
import { freshProvider, secretClient } from './provider.ts';

const RSA = generateKeyPairSync('rsa', { modulusLength: 2048 });
const EC = generateKeyPairSync('ec', { namedCurve: 'P-384' });
const ED = generateKeyPairSync('ed25519');
const pem = (key: KeyObject, type: 'pkcs8' | 'pkcs1' | 'sec1'): string => key.export({ format: 'pem', type }) as string;
const jwk = (key: KeyObject, more: object): string => JSON.stringify({ ...key.export({ format: 'jwk' }), ...more });

describe('a client that signs its assertion (private_key_jwt)', () => {
  const folder = freshFolder();
  const provider = freshProvider({
    clients: [
      secretClient('private_key_jwt', {
        client_secret: undefined,
        jwks: {
          keys: [
            { ...RSA.publicKey.export({ format: 'jwk' }), kid: 'rsa' },
            { ...EC.publicKey.export({ format: 'jwk' }), kid: 'ec' },
            { ...ED.publicKey.export({ format: 'jwk' }), kid: 'ed' },
          ],
        },
      }),
    ],
    configuration: {
      enabledJWA: { clientAuthSigningAlgValues: ['RS256', 'RS512', 'PS256', 'ES384', 'EdDSA', 'Ed25519', 'HS256'] },
    },
  });

  for (const [what, values, alg] of [
    ['PKCS #8', { key: pem(RSA.privateKey, 'pkcs8') }, 'RS256'],
    ['PKCS #1', { key: pem(RSA.privateKey, 'pkcs1') }, 'RS256'],
    ['PKCS #8 in one line', { key: pem(RSA.privateKey, 'pkcs8').replaceAll('\n', '\\n') }, 'RS256'],
    ['SEC 1', { key: pem(EC.privateKey, 'sec1') }, 'ES384'],
    ['Ed25519', { key: pem(ED.privateKey, 'pkcs8') }, 'EdDSA'],
    ['a JWK', { key: jwk(EC.privateKey, { kid: 'ec' }) }, 'ES384'],
    ['a JWK that names its algorithm', { key: jwk(RSA.privateKey, { kid: 'rsa', alg: 'RS512' }) }, 'RS512'],
    ['a configured algorithm', { key: pem(RSA.privateKey, 'pkcs8'), alg: 'PS256' }, 'PS256'],
    ['a configured key id', { key: pem(RSA.privateKey, 'pkcs8'), kid: 'rsa' }, 'RS256'],
  ] as const) {
    it(`is accepted with ${what}`, async () => {
      const { issuer } = provider();
      const result = await login(
        { issuer, clientAuth: 'private_key_jwt', key: '{key}', kid: '{kid?}', alg: '{alg?}' },
        { clientId: 'my-app_1', ...values },
      );
      assert.equal(shown(result), 'granted');
      const assertion = provider().judged[0]!.params['client_assertion']!;
      assert.equal(decodeProtectedHeader(assertion).alg, alg);
      const { aud, iss, sub, jti } = decodeJwt(assertion);
      assert.deepEqual([aud, iss, sub], [issuer, 'my-app_1', 'my-app_1']);
      assert.match(jti!, /.{20}/);
    });
  }

  it('names the token endpoint, where no metadata names the issuer', async () => {
    const tokenUrl = `${provider().issuer}/token`;
    const result = await login({ tokenUrl, key: '{key}' }, { clientId: 'my-app_1', key: pem(RSA.privateKey, 'pkcs8') });
    assert.equal(shown(result), 'granted');
    assert.equal(decodeJwt(provider().judged[0]!.params['client_assertion']!).aud, tokenUrl);
  });

  it('names whom the flow says', async () => {
    const { issuer } = provider();
    await login(
      { issuer, key: '{key}', assertionAudience: 'https://{tenant}.example' },
      { clientId: 'my-app_1', key: pem(RSA.privateKey, 'pkcs8'), tenant: 'acme' },
    );
    assert.equal(decodeJwt(provider().judged[0]!.params['client_assertion']!).aud, 'https://acme.example');
    assert.match(provider().outcomes[0]!, /^invalid_client/);
  });

  it('names the certificate of its key, which must be that of no other', async function () {
    const authority = new Authority(this, folder());
    const [own, other] = [authority.issue({ cn: 'own' }), authority.issue({ cn: 'other' })];
    const { raw } = new X509Certificate(own.cert);
    const of = (hash: string): string => createHash(hash).update(raw).digest('base64url');
    const { issuer } = provider();
    const oauth = { issuer, key: '{key}', certificate: '{certificate}' };
    const values = { clientId: 'my-app_1', key: own.key };
    await login(oauth, { ...values, certificate: own.cert });
    assert.deepEqual(decodeProtectedHeader(provider().judged[0]!.params['client_assertion']!), {
      typ: 'JWT',
      alg: 'ES256',
      x5t: of('sha1'),
      'x5t#S256': of('sha256'),
    });
    assert.equal(
      shown(await login(oauth, { ...values, certificate: other.cert })),
      'impossible: certificate belongs to another key',
    );
    assert.equal(
      shown(await login(oauth, { ...values, certificate: 'none' })),
      'impossible: certificate is not a certificate in PEM',
    );
    assert.equal(provider().judged.length, 1);
  });

  it('makes a new assertion for each request', async () => {
    const { issuer } = provider();
    for (let i = 0; i < 2; i += 1)
      await login({ issuer, key: '{key}' }, { clientId: 'my-app_1', key: pem(EC.privateKey, 'pkcs8') });
    assert.deepEqual(provider().outcomes, ['granted', 'granted']);
  });
});
