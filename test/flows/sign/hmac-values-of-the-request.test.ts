import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { HMAC_NAMES } from '../../../src/flows/sign/names.ts';
import { signSchema, textsOfSign } from '../../../src/flows/sign/schema.ts';
import { UnfillableError } from '../../../src/flows/template.ts';
import { fieldIn, request, sign } from './signing.ts';

/** The value of a text in a field. */
async function shown(text: string, toSign: Parameters<typeof request>[0] = {}, more: object = {}): Promise<string> {
  const config = { sign: 'hmac', key: 'k', of: 'x', headers: { A: text, B: '{signature}' }, ...more };
  return fieldIn(await sign(config, request(toSign)), 'a') ?? '';
}

describe('the values of a request in an HMAC signature', () => {
  const body = Buffer.from([0xff, 0x00, 0x7b]);
  const toSign = {
    method: 'PUT',
    url: 'https://api.example:8443/a/%20b?z=1&a=2&a=1&m',
    headers: ['Content-Type', 'text/plain; a=b'],
    body,
    now: 1_440_938_160_123,
  };

  for (const [name, expected] of Object.entries({
    method: 'PUT',
    path: '/a/%20b',
    query: 'z=1&a=2&a=1&m',
    sortedQuery: 'a=1&a=2&m&z=1',
    target: '/a/%20b?z=1&a=2&a=1&m',
    host: 'api.example:8443',
    contentType: 'text/plain; a=b',
    timestamp: '1440938160',
    timestampMs: '1440938160123',
    date: 'Sun, 30 Aug 2015 12:36:00 GMT',
    isoDate: '2015-08-30T12:36:00.123Z',
    nonce: 'nonce',
    bodyHash: createHash('sha256').update(body).digest('hex'),
    bodyHashBase64: createHash('sha256').update(body).digest('base64'),
    bodyMd5: createHash('md5').update(body).digest('base64'),
  }))
    it(`{${name}}`, async () => assert.equal(await shown(`{${name}}`, toSign), expected));

  it('{body} is signed byte for byte', async () => {
    const config = { sign: 'hmac', key: 'k', of: 'ä{body}\n', headers: { A: '{signature}' } };
    const expected = createHmac('sha256', 'k').update('ä').update(body).update('\n').digest('hex');
    assert.equal(fieldIn(await sign(config, request(toSign)), 'a'), expected);
  });

  it('{bodyHash} is of the hash of the signature', async () => {
    assert.equal(await shown('{bodyHash}', toSign, { hash: 'md5' }), createHash('md5').update(body).digest('hex'));
  });

  it('may be empty', async () => {
    assert.equal(await shown('[{query}{body}{contentType}{sortedQuery}]'), '[]');
    assert.equal(await shown('{bodyMd5}'), '1B2M2Y8AsgTpgAmY7PhCfg==');
  });

  it('are the same in all texts of one request', async () => {
    const config = { sign: 'hmac', key: 'k', of: '{nonce}', headers: { A: '{nonce}', B: '{signature}' } };
    const signature = await sign(config, request(), {}, 'once');
    assert.equal(fieldIn(signature, 'b'), createHmac('sha256', 'k').update('once').digest('hex'));
  });

  it('come before values of the flow of the same name', async () => {
    const config = { sign: 'hmac', key: 'k', of: '{path}', headers: { A: '{path}{signature}' } };
    assert.match(
      fieldIn(await sign(config, request(), { path: '/flow', signature: 'flow' }), 'a')!,
      /^\/[0-9a-f]{64}$/,
    );
  });

  it('do not fill in placeholders that a client writes', async () => {
    const config = { sign: 'hmac', key: '{secret}', of: '{target}{body}', headers: { A: '{target} {signature}' } };
    const url = 'https://api.example/?a={secret}&b={signature}';
    const signature = await sign(config, request({ url, body: '{secret}{missing}' }), { secret: 's3cret' });
    const text = '/?a={secret}&b={signature}';
    const expected = createHmac('sha256', 's3cret').update(`${text}{secret}{missing}`).digest('hex');
    assert.equal(fieldIn(signature, 'a'), `${text} ${expected}`);
  });

  it('of content that is streamed there are none, which matters only where they are used', async () => {
    for (const name of ['body', 'bodyHash', 'bodyHashBase64', 'bodyMd5'])
      await assert.rejects(shown(`{${name}}`, { body: null }), UnfillableError);
    assert.equal(await shown('{method}', { body: null }), 'GET');
  });

  it('and of the flow are told apart in the texts', () => {
    const config = signSchema.parse({
      ...{ sign: 'hmac', key: 'k{a}', of: '{b}', hashes: { h: { of: '{c}' } } },
      ...{ headers: { A: '{signature}' }, query: { q: '{d}' } },
    });
    assert.deepEqual(
      textsOfSign(config).map(({ at: [path, text], names }) => [path.join('.'), text, names]),
      [
        ['key', 'k{a}', []],
        ['of', '{b}', [...HMAC_NAMES, 'h']],
        ['hashes.h.of', '{c}', HMAC_NAMES],
        ['headers.A', '{signature}', [...HMAC_NAMES, 'h', 'signature']],
        ['query.q', '{d}', [...HMAC_NAMES, 'h', 'signature']],
      ],
    );
  });
});
