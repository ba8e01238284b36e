import assert from 'node:assert/strict';
import { createHash, createHmac, generateKeyPairSync, verify } from 'node:crypto';
import { baseString } from '../../../src/flows/sign/oauth1.ts';
import { UnfillableError } from '../../../src/flows/template.ts';
import { signSchema } from '../../../src/flows/sign/schema.ts';
import { makeSigner } from '../../../src/flows/sign/signer.ts';
import { fieldIn, request, sign } from './signing.ts';

const CONFIG = { sign: 'oauth1', consumerKey: 'ck', consumerSecret: 'c&s', tokenSecret: 't s', token: 'tk' };
const FORM = ['Content-Type', 'application/x-www-form-urlencoded; charset=utf-8'];

const parameterOf = (field: string, name: string): string | undefined => {
  const value = new RegExp(`${name}="([^"]*)"`).exec(field)?.[1];
  return value === undefined ? undefined : decodeURIComponent(value);
};

describe('the methods of OAuth 1.0', () => {
  const own = (method: string): [string, string][] => [
    ['oauth_consumer_key', 'ck'],
    ['oauth_nonce', 'nonce'],
    ['oauth_signature_method', method],
    ['oauth_timestamp', '1440938160'],
    ['oauth_token', 'tk'],
    ['oauth_version', '1.0'],
  ];

  for (const [method, hash] of [
    ['HMAC-SHA1', 'sha1'],
    ['HMAC-SHA256', 'sha256'],
    ['HMAC-SHA512', 'sha512'],
  ])
    it(`${method!} takes both secrets, encoded`, async () => {
      const field = fieldIn(await sign({ ...CONFIG, method }), 'authorization')!;
      const expected = createHmac(hash!, 'c%26s&t%20s')
        .update(baseString(request(), own(method!), false))
        .digest('base64');
      assert.equal(parameterOf(field, 'oauth_signature'), expected);
    });

  for (const [method, hash] of [
    ['RSA-SHA1', 'sha1'],
    ['RSA-SHA256', 'sha256'],
  ])
    it(`${method!} is verified with the public key`, async () => {
      const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
      const { consumerSecret: _consumer, tokenSecret: _token, ...config } = CONFIG;
      const values = { key: privateKey.export({ type: 'pkcs1', format: 'pem' }).toString().replaceAll('\n', '\\n') };
      const signature = await sign({ ...config, method, privateKey: '{key}' }, request(), values);
      const text = parameterOf(fieldIn(signature, 'authorization')!, 'oauth_signature')!;
      const base = Buffer.from(baseString(request(), own(method!), false));
      assert.ok(verify(hash, base, publicKey, Buffer.from(text, 'base64')));
    });

  it('PLAINTEXT sends the secrets, encoded, whatever the content', async () => {
    const field = fieldIn(
      await sign({ ...CONFIG, method: 'PLAINTEXT' }, request({ method: 'POST', body: null, headers: FORM })),
      'authorization',
    )!;
    assert.equal(parameterOf(field, 'oauth_signature'), 'c%26s&t%20s');
  });

  it('a client without a token sends none, and signs with an empty secret', async () => {
    const config = { sign: 'oauth1', consumerKey: 'ck', consumerSecret: 'cs', token: '{token?}', tokenSecret: '{t?}' };
    const field = fieldIn(await sign({ ...config, method: 'PLAINTEXT' }), 'authorization')!;
    assert.equal(parameterOf(field, 'oauth_token'), undefined);
    assert.equal(parameterOf(field, 'oauth_signature'), 'cs&');
  });

  it('the bytes of a form are signed, also where they are no UTF-8', () => {
    const toSign = request({ method: 'POST', headers: FORM, body: 'b=%FF%fe+x&a=%e4&a=%C3%A4&=&c' });
    assert.equal(decodeURIComponent(baseString(toSign, [], true).split('&')[2]!), '=&a=%C3%A4&a=%E4&b=%FF%FE%20x&c=');
  });

  it('a form that is streamed cannot be signed; other content can', async () => {
    await assert.rejects(sign(CONFIG, request({ method: 'POST', body: null, headers: FORM })), UnfillableError);
    await sign(CONFIG, request({ method: 'POST', body: null, headers: ['Content-Type', 'application/json'] }));
    await sign(CONFIG, request({ method: 'POST', body: null }));
  });

  it('oauth_body_hash is of content that is no form, if the flow says so', async () => {
    const hashIn = async (more: object, toSign: Parameters<typeof request>[0]): Promise<string | undefined> =>
      parameterOf(fieldIn(await sign({ ...CONFIG, ...more }, request(toSign)), 'authorization')!, 'oauth_body_hash');
    const json = { method: 'POST', body: 'Hello World!' };
    // The example of the extension's draft.
    assert.equal(await hashIn({ bodyHash: true }, json), 'Lve95gjOVATpfV8EL5X4nxwjKHE=');
    assert.equal(
      await hashIn({ bodyHash: true, method: 'HMAC-SHA256' }, json),
      createHash('sha256').update('Hello World!').digest('base64'),
    );
    assert.equal(await hashIn({}, json), undefined);
    assert.equal(await hashIn({ bodyHash: true }, { ...json, headers: FORM }), undefined);
    await assert.rejects(hashIn({ bodyHash: true }, { method: 'POST', body: null }), UnfillableError);
  });

  it('is signed anew each time: another nonce, and the time of the request', async () => {
    const parsed = signSchema.parse(CONFIG);
    assert.ok(parsed.sign === 'oauth1');
    const signer = await makeSigner(parsed, {});
    const nonces = [1, 2].map(() => parameterOf(fieldIn(signer(request()), 'authorization')!, 'oauth_nonce'));
    assert.match(nonces[0]!, /^[0-9a-f]{32}$/);
    assert.notEqual(nonces[0], nonces[1]);
    const later = fieldIn(signer(request({ now: 1_999 })), 'authorization')!;
    assert.equal(parameterOf(later, 'oauth_timestamp'), '1');
  });

  it('odd values are encoded, and a realm is quoted', async () => {
    const values = { key: 'ä "\n,=', realm: 'a "quoted" \\ one' };
    const field = fieldIn(
      await sign({ ...CONFIG, consumerKey: '{key}', realm: '{realm}' }, request(), values),
      'authorization',
    )!;
    assert.ok(field.startsWith('OAuth realm="a \\"quoted\\" \\\\ one", oauth_consumer_key="%C3%A4%20%22%0A%2C%3D", '));
    for (const realm of ['ä', 'a\nb'])
      await assert.rejects(sign({ ...CONFIG, realm: '{realm}' }, request(), { realm }), {
        message: 'realm of the signature holds characters that a header cannot carry',
      });
  });

  it('a private key that is none is named, and not repeated', async () => {
    const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' });
    for (const key of ['secret words', '-----BEGIN PRIVATE KEY-----\nabcd\n-----END PRIVATE KEY-----', ec, '{"d":""}'])
      await assert.rejects(
        sign({ sign: 'oauth1', method: 'RSA-SHA256', consumerKey: 'ck', privateKey: '{key}' }, request(), { key }),
        { message: 'privateKey of the signature is no private key for RSA-SHA256' },
      );
  });

  it('takes a private key with RSA, and a secret otherwise', () => {
    const issues = (config: object): string[] =>
      (signSchema.safeParse({ sign: 'oauth1', consumerKey: 'ck', ...config }).error?.issues ?? []).map(
        ({ message }) => message,
      );
    assert.deepEqual(issues({ method: 'RSA-SHA1', consumerSecret: 'x' }), [
      'privateKey goes with RSA-SHA1 and RSA-SHA256, and they need it',
    ]);
    assert.deepEqual(issues({ consumerSecret: 'x', privateKey: 'y' }), [
      'privateKey goes with RSA-SHA1 and RSA-SHA256, and they need it',
    ]);
    assert.deepEqual(issues({}), ['consumerSecret is missing; it may be "{name?}" where it can be empty']);
  });
});
