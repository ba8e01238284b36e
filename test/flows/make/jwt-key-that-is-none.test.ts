import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { UnfillableError } from '../../../src/flows/template.ts';
import { makeOne } from './making.ts';

describe('a JWT that cannot be made for its key', () => {
  const pem = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();
  let rsa: { publicKey: KeyObject; privateKey: KeyObject };
  let keys: Record<string, string>;
  before(() => {
    rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const good = pem(rsa.privateKey);
    keys = {
      password: 'correct horse battery staple',
      'a public key': rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
      'an encrypted key': rsa.privateKey
        .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' })
        .toString(),
      'half a key': good.slice(0, good.length / 2),
      'a key with a byte of another': good.replace(/[A-Za-z]{3}\n/, 'AAA\n').replace('MIIE', 'MIIF'),
      'letters that are no base64': '-----BEGIN PRIVATE KEY-----\n!!!?\n-----END PRIVATE KEY-----',
      'base64 that is no key': '-----BEGIN PRIVATE KEY-----\nMTIzNDU2Nzg5\n-----END PRIVATE KEY-----',
      'a public JWK': JSON.stringify(rsa.publicKey.export({ format: 'jwk' })),
      'JSON that is no JWK': '{"d":"abc"}',
      'JSON that ends early': '{"kty":"RSA",',
      'an EC key': pem(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey),
      'an Ed25519 key': pem(generateKeyPairSync('ed25519').privateKey),
      'a control character': '\u0000',
      'a megabyte': '-----BEGIN PRIVATE KEY-----'.repeat(40_000),
    };
  });

  const refused = async (entry: unknown, values: Record<string, unknown>): Promise<string> => {
    const error: unknown = await makeOne(entry, values).catch((thrown: unknown) => thrown);
    assert.ok(error instanceof UnfillableError, String(error));
    for (const value of Object.values(values))
      if (typeof value === 'string' && value.length > 3)
        for (const part of value.split(/\s+/).filter((word) => word.length > 12))
          assert.ok(!error.message.includes(part), 'the message repeats the key');
    return error.message;
  };

  it('names the field, and repeats nothing of it', async () => {
    for (const [what, key] of Object.entries(keys))
      assert.equal(
        await refused({ jwt: { alg: 'RS256', key: '{key}' } }, { key }),
        'make.made.jwt.key is no private key for RS256',
        what,
      );
  });

  it('for a curve that is not the algorithm’s', async () => {
    for (const [alg, namedCurve] of [
      ['ES256', 'P-384'],
      ['ES384', 'P-256'],
      ['ES512', 'P-256'],
      ['ES256', 'secp256k1'],
    ])
      assert.equal(
        await refused(
          { jwt: { alg, key: '{key}' } },
          { key: pem(generateKeyPairSync('ec', { namedCurve: namedCurve! }).privateKey) },
        ),
        `make.made.jwt.key is no private key for ${alg!}`,
      );
    assert.equal(
      await refused({ jwt: { alg: 'EdDSA', key: '{key}' } }, { key: pem(generateKeyPairSync('x25519').privateKey) }),
      'make.made.jwt.key is no private key for EdDSA',
    );
  });

  it('for an RSA key that is too short', async () => {
    const key = pem(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey);
    assert.equal(
      await refused({ jwt: { alg: 'RS256', key: '{key}' } }, { key }),
      'make.made.jwt.key is shorter than the 2048 bits that RS256 needs',
    );
  });

  it('for a shared secret that is empty, or not written as the flow says', async () => {
    const hs = (key: string, keyEncoding?: string): Promise<string> =>
      refused({ jwt: { alg: 'HS256', key: '{key=}', ...(keyEncoding !== undefined && { keyEncoding }) } }, { key });
    assert.equal(await hs(''), 'make.made.jwt.key is empty');
    assert.equal(await hs('tr0ub4dor&3-tr0ub4dor&3', 'base64'), 'make.made.jwt.key is not written as base64');
    assert.equal(await hs('A', 'base64'), 'make.made.jwt.key is not written as base64');
    assert.equal(await hs('abc', 'hex'), 'make.made.jwt.key is not written as hex');
  });
});
