import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { EmbeddedJWK, jwtVerify } from 'jose';
import { dpopNonceFrom, DpopNonces, dpopSigner, newDpopKey, readDpopKey } from '../../../src/flows/oauth/dpop.ts';

const REQUEST = {
  method: 'POST',
  origin: 'https://api.example:8443',
  target: '/a%2Fb/c?d=e#f',
  headers: [],
  body: Buffer.from(''),
  now: 1_700_000_000_999,
};

describe('a DPoP proof (RFC 9449 §4.2)', () => {
  const proofOf = async (nonces = new DpopNonces(), request = REQUEST): Promise<Record<string, unknown>> => {
    const [authName, auth, name, proof] = dpopSigner('token', newDpopKey(), nonces)(request).headers;
    assert.deepEqual([authName, auth, name], ['authorization', 'DPoP token', 'dpop']);
    const { payload, protectedHeader } = await jwtVerify(proof!, EmbeddedJWK, {
      typ: 'dpop+jwt',
      algorithms: ['ES256'],
    });
    assert.deepEqual(Object.keys(protectedHeader.jwk!).sort(), ['crv', 'kty', 'x', 'y']);
    return payload;
  };

  it('is about method, URL without query, time and token, and verifies by the key in it', async () => {
    const { jti, ...rest } = await proofOf();
    assert.match(String(jti), /^[0-9a-f-]{36}$/);
    assert.deepEqual(rest, {
      htm: 'POST',
      htu: 'https://api.example:8443/a%2Fb/c',
      iat: 1_700_000_000,
      ath: createHash('sha256').update('token').digest('base64url'),
    });
  });

  it('is another one for each request', async () =>
    assert.notEqual((await proofOf())['jti'], (await proofOf())['jti']));

  it('holds the last nonce of that server, and of no other', async () => {
    const nonces = new DpopNonces();
    nonces.note('https://api.example:8443', { 'dpop-nonce': 'first' });
    nonces.note('https://api.example:8443', { 'dpop-nonce': 'second' });
    nonces.note('https://api.example:8443', {});
    assert.equal((await proofOf(nonces))['nonce'], 'second');
    assert.equal((await proofOf(nonces, { ...REQUEST, origin: 'https://api.example' }))['nonce'], undefined);
  });

  it('can be made by whoever has the key’s text', () => {
    const text = newDpopKey();
    assert.deepEqual(readDpopKey(text).publicJwk, readDpopKey(text).publicJwk);
    assert.notEqual(newDpopKey(), text);
  });

  for (const text of ['', 'canary', '{}', '{"kty":"EC","crv":"P-256","x":"canary","y":"canary","d":"canary"}', 'null'])
    it(`cannot be made with ${JSON.stringify(text)}`, () =>
      assert.throws(() => readDpopKey(text), { message: 'the value of {dpopKey} is not a private key for ES256' }));

  for (const [nonce, expected] of [
    ['abc.DEF-~', 'abc.DEF-~'],
    ['', undefined],
    ['a b', undefined],
    ['a"b', undefined],
    ['a\\b', undefined],
    ['x'.repeat(1025), undefined],
  ] as const)
    it(`takes ${expected === undefined ? 'no nonce' : 'the nonce'} from ${JSON.stringify(nonce.slice(0, 20))}`, () =>
      assert.equal(dpopNonceFrom({ 'dpop-nonce': nonce }), expected));
});
