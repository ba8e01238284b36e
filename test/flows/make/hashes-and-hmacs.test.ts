import assert from 'node:assert/strict';
import { makeOne } from './making.ts';

/** RFC 4231 §4.2, §4.3, §4.7: key as hex, data as text. */
const RFC_4231 = [
  {
    key: '0b'.repeat(20),
    data: 'Hi There',
    sha256: 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
    sha384: 'afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6',
    sha512:
      '87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854',
  },
  {
    key: Buffer.from('Jefe').toString('hex'),
    data: 'what do ya want for nothing?',
    sha256: '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    sha384: 'af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649',
    sha512:
      '164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737',
  },
  {
    key: 'aa'.repeat(131),
    data: 'Test Using Larger Than Block-Size Key - Hash Key First',
    sha256: '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
    sha384: '4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952',
    sha512:
      '80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598',
  },
];

describe('made hashes and HMACs', () => {
  for (const { key, data, ...expected } of RFC_4231)
    for (const [hash, hex] of Object.entries(expected))
      it(`HMAC ${hash} of "${data.slice(0, 12)}…" is that of RFC 4231`, async () => {
        const hmac = { hash, key: '{key}', keyEncoding: 'hex', of: '{data}' };
        assert.equal(await makeOne({ hmac }, { key, data }), hex);
        const base64 = await makeOne({ hmac: { ...hmac, encoding: 'base64' } }, { key, data });
        assert.equal(Buffer.from(base64, 'base64').toString('hex'), hex);
      });

  it('HMACs of MD5 and SHA-1 are those of RFC 2202', async () => {
    const values = { data: 'what do ya want for nothing?' };
    assert.equal(
      await makeOne({ hmac: { hash: 'md5', key: 'Jefe', of: '{data}' } }, values),
      '750c783e6ab0b503eaa86e310a5db738',
    );
    assert.equal(
      await makeOne({ hmac: { hash: 'sha1', key: 'Jefe', of: '{data}' } }, values),
      'effcdf6ae5eb2fa2d27416d5f184df9c259a7c79',
    );
  });

  it('hashes are of the text with its values, as UTF-8, with its line breaks', async () => {
    assert.equal(await makeOne({ hash: 'md5', of: '{a}{b}' }, { a: 'a', b: 'bc' }), '900150983cd24fb0d6963f7d28e17f72');
    assert.equal(await makeOne({ hash: 'sha1', of: 'abc' }), 'a9993e364706816aba3e25717850c26c9cd0d89d');
    const lines = await makeOne({ hash: 'sha256', of: 'ä\n{a}\n' }, { a: '\r\0' });
    const { createHash } = await import('node:crypto');
    assert.equal(lines, createHash('sha256').update(Buffer.from('ä\n\r\0\n')).digest('hex'));
  });

  it('are written as the flow says', async () => {
    const write = (encoding: string): Promise<string> => makeOne({ hash: 'md5', of: 'abc', encoding });
    assert.equal(await write('hexUpper'), '900150983CD24FB0D6963F7D28E17F72');
    assert.equal(await write('base64'), 'kAFQmDzST7DWlj99KOF/cg==');
    assert.equal(await write('base64url'), 'kAFQmDzST7DWlj99KOF_cg');
    assert.equal(await write('hexBase64'), Buffer.from('900150983cd24fb0d6963f7d28e17f72').toString('base64'));
  });

  it('base64 and base64url are of the text with its values', async () => {
    const values = { user: 'Aladdin', password: 'open sesame', odd: '\u00fb\u00ff?' };
    assert.equal(await makeOne({ base64: '{user}:{password}' }, values), 'QWxhZGRpbjpvcGVuIHNlc2FtZQ==');
    assert.equal(await makeOne({ base64url: '{odd}' }, values), Buffer.from('\u00fb\u00ff?').toString('base64url'));
    assert.equal(await makeOne({ base64: '{user}' }, { user: 'x'.repeat(3_000_000) }), 'eHh4'.repeat(1_000_000));
  });

  it('a key that is not written as the flow says is refused, and not repeated', async () => {
    await assert.rejects(
      makeOne({ hmac: { key: '{key}', keyEncoding: 'base64', of: 'x' } }, { key: 'not base64!' }),
      (error: Error) => error.message === 'make.made.hmac.key is not written as base64',
    );
  });
});
