import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { jwtVerify } from 'jose';
import { decoded, makeOne, NOW } from './making.ts';

/** RFC 7515 A.3.1. */
const EC_JWK = {
  kty: 'EC',
  crv: 'P-256',
  x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
  y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
  d: 'jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI',
};
/** RFC 8037 A.1. */
const ED_JWK = {
  kty: 'OKP',
  crv: 'Ed25519',
  d: 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A',
  x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
};

describe('the private key of a made JWT', () => {
  let rsa: { publicKey: KeyObject; privateKey: KeyObject };
  let ec: { publicKey: KeyObject; privateKey: KeyObject };
  before(() => {
    rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
    ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  });

  const signs = async (
    alg: string,
    key: string,
    publicKey: KeyObject | Record<string, string>,
  ): Promise<Record<string, unknown>> => {
    const jwt = await makeOne({ jwt: { alg, key: '{key}' } }, { key });
    await jwtVerify(jwt, publicKey, { algorithms: [alg], currentDate: new Date(NOW) });
    return decoded(jwt).header;
  };
  const pkcs8 = (): string => rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

  it('is PKCS#8', () => signs('RS256', pkcs8(), rsa.publicKey));
  it('is PKCS#1', () =>
    signs('RS256', rsa.privateKey.export({ type: 'pkcs1', format: 'pem' }).toString(), rsa.publicKey));
  it('is SEC1, alone or behind its parameters', async () => {
    const pem = ec.privateKey.export({ type: 'sec1', format: 'pem' }).toString();
    await signs('ES256', pem, ec.publicKey);
    const parameters = '-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n';
    await signs('ES256', parameters + pem, ec.publicKey);
  });
  it('is a JWK, whose kid goes into the header', async () => {
    const jwk = JSON.stringify({ ...rsa.privateKey.export({ format: 'jwk' }), kid: 'r1' });
    assert.equal((await signs('RS256', jwk, rsa.publicKey))['kid'], 'r1');
    const { d: _ec, ...ecPublic } = EC_JWK;
    assert.equal((await signs('ES256', ` ${JSON.stringify(EC_JWK)}\n`, ecPublic))['kid'], undefined);
    const { d: _ed, ...edPublic } = ED_JWK;
    await signs('EdDSA', JSON.stringify(ED_JWK), edPublic);
  });

  for (const [what, rewrite] of [
    ['\\n for its line breaks, as in an environment variable', (pem) => pem.replaceAll('\n', '\\n')],
    ['\\r\\n for them', (pem) => pem.replaceAll('\n', '\\r\\n')],
    ['CR LF', (pem) => pem.replaceAll('\n', '\r\n')],
    ['blanks for them', (pem) => pem.replaceAll('\n', ' ')],
    ['none of them', (pem) => pem.replaceAll('\n', '')],
    ['indented lines, and text around it', (pem) => `Bag Attributes\n${pem.replaceAll('\n', '\n    ')}\nend`],
  ] as readonly (readonly [string, (pem: string) => string])[])
    it(`may have ${what}`, () => signs('PS256', rewrite(pkcs8()), rsa.publicKey));
});
