import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { login } from './caller.ts';
import { freshEndpoint } from './endpoint.ts';

const SMALL = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
const EC = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const LOCKED = EC.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'canary' }) as string;
const [SMALL_PEM, EC_PEM] = [SMALL, EC].map((key) => key.export({ format: 'pem', type: 'pkcs8' }) as string);
const NEITHER = 'key is not a private key in PEM without a passphrase, or a JWK';

describe('a key that cannot sign', () => {
  const endpoint = freshEndpoint();

  for (const [what, values, reason] of [
    ['is no key', { key: 'canary' }, NEITHER],
    ['is no JWK', { key: '{"kty":"EC","d":"canary"}' }, NEITHER],
    ['needs a passphrase', { key: LOCKED }, NEITHER],
    ['is too small', { key: SMALL_PEM }, 'key has less than 2048 bits'],
    ['does not fit its algorithm', { key: EC_PEM, alg: 'RS256' }, 'key cannot sign with RS256'],
    [
      'has an algorithm that nobody knows',
      { key: EC_PEM, alg: 'HS256' },
      'the key needs an alg, one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, Ed25519',
    ],
    ['is missing', {}, 'no value for {key}'],
  ] as const) {
    it(`because it ${what}: nothing is sent, and the reason repeats nothing of it`, async () => {
      const oauth = { tokenUrl: `${endpoint().url}/token`, key: '{key}', alg: '{alg?}' };
      const { outcome } = await login(oauth, { clientId: 'c', ...values });
      assert.deepEqual(outcome, { kind: 'impossible', reason });
      assert.equal(endpoint().seen.length, 0);
    });
  }
});
