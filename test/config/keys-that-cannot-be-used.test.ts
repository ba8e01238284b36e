import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Authority } from '../support/certificates.ts';
import { load, mistakesOf } from '../support/config.ts';
import { freshFolder } from '../support/files.ts';

const CANARY = 'cAnArY7f3a';
const pem = (key: ReturnType<typeof generateKeyPairSync>['privateKey']): string =>
  key.export({ type: 'pkcs8', format: 'pem' }).toString();
const EC = pem(generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey);
const RSA = pem(generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey);

describe('a key that no signature can be made with', () => {
  const folder = freshFolder();
  const login = { url: 'https://id.example/login', json: { a: '{made}' }, answer: { token: '/token' } };
  const text = (flow: object, credentials: object, more: object = {}): string =>
    JSON.stringify({
      flows: {
        own: { credentials: Object.fromEntries(Object.keys(credentials).map((name) => [name, 'required'])), ...flow },
      },
      accounts: { one: { flow: 'own', credentials } },
      routes: [{ prefix: '/x', upstream: 'https://x.example', account: 'one' }],
      ...more,
    });
  const jwt = (more: object): object => ({ make: { made: { jwt: { alg: 'ES256', key: '{key}', ...more } } }, login });
  const oauth = (more: object): object => ({
    oauth: { tokenUrl: 'https://id.example/t', clientId: 'c', clientAuth: 'private_key_jwt', key: '{key}', ...more },
  });
  const signed = (sign: object): object => ({ attach: [sign] });
  const hmac = { sign: 'hmac', key: '{key}', of: '{path}', headers: { 'X-S': '{signature}' } };
  const digest = { sign: 'digest', user: '{user}', password: '{password}' };
  const oauth1 = { sign: 'oauth1', method: 'RSA-SHA256', consumerKey: 'ck', privateKey: '{key}' };
  const aws4 = { sign: 'aws4', region: 'eu', service: 's3', key: '{key}', secret: '{secret}' };

  const cases: readonly (readonly [what: string, flow: object, credentials: object, at: string, message: RegExp])[] = [
    ['no private key', jwt({}), { key: CANARY }, 'key', /: make\.made\.jwt\.key is no private key for ES256$/],
    ['a key of another kind', jwt({ alg: 'RS256' }), { key: EC }, 'key', /is no private key for RS256$/],
    ['no hex', jwt({ alg: 'HS256', keyEncoding: 'hex' }), { key: CANARY }, 'key', /jwt\.key is not written as hex$/],
    [
      'a key of a call in turn',
      {
        login: [login, { ...login, make: { made: { jwt: { alg: 'ES256', key: '{key}' } } } }],
        make: { made: { uuid: 'v4' } },
      },
      { key: CANARY },
      'key',
      /: login\.1\.make\.made\.jwt\.key is no private key/,
    ],
    [
      'no base64 for an HMAC',
      { make: { made: { hmac: { key: '{key}', keyEncoding: 'base64', of: 'x' } } }, login },
      { key: `${CANARY}!` },
      'key',
      /make\.made\.hmac\.key is not written as base64$/,
    ],
    [
      'no key for RSA',
      signed(oauth1),
      { key: CANARY },
      'key',
      /: attach: privateKey of the signature is no private key/,
    ],
    ['an EC key for RSA', signed(oauth1), { key: EC }, 'key', /is no private key for RSA-SHA256$/],
    ['no hex for a signature', signed({ ...hmac, keyEncoding: 'hex' }), { key: CANARY }, 'key', /not written as hex$/],
    ['a user with a colon', signed(digest), { user: `${CANARY}:b`, password: 'p' }, 'user', /Digest authentication/],
    ['no key of an oauth client', oauth({}), { key: CANARY }, 'key', /: oauth\.key is not a private key in PEM/],
    ['an EC key for PS256', oauth({ alg: 'PS256' }), { key: EC }, 'key', /: oauth\.key cannot sign with PS256$/],
    [
      'no key where the client shows itself as it can',
      oauth({ clientAuth: 'auto' }),
      { key: CANARY },
      'key',
      /: oauth\.key is not a private key/,
    ],
    [
      'a blank in an AWS key',
      signed(aws4),
      { key: `A ${CANARY}`, secret: 's' },
      'key',
      /that an AWS credential cannot/,
    ],
  ];
  for (const [what, flow, credentials, at, message] of cases)
    it(`(${what}) is reported at load, with the place of the credential, and not repeated`, () => {
      const [mistake, ...more] = mistakesOf(text(flow, credentials));
      assert.deepEqual([mistake?.path, more], [`accounts.one.credentials.${at}`, []]);
      assert.match(mistake!.message, message);
      assert.ok(!JSON.stringify(mistake).includes(CANARY));
      const file = join(folder(), 'accounts.jsonl');
      writeFileSync(file, JSON.stringify({ name: 'two', flow: 'own', credentials }));
      const [generated] = mistakesOf(text(flow, credentials, { accounts: {}, accountsFrom: { file } }));
      assert.match(generated!.message, message);
    });

  it('is reported with other mistakes at once', () => {
    const paths = mistakesOf(text(jwt({}), { key: CANARY }, { listen: { port: 'x' } })).map(({ path }) => path);
    assert.deepEqual(paths.sort(), ['accounts.one.credentials.key', 'listen.port']);
  });

  it('is reported at its place in the flow, or in the attach of an account, if it stands there', () => {
    assert.deepEqual(
      mistakesOf(text(jwt({ key: CANARY }), {})).map(({ path }) => path),
      ['flows.own.make.made.jwt.key'],
    );
    assert.deepEqual(
      mistakesOf(text(oauth({ key: CANARY }), {})).map(({ path }) => path),
      ['flows.own.oauth.key'],
    );
    const bad = { ...hmac, keyEncoding: 'hex', key: CANARY, of: '{path}{token}' };
    assert.deepEqual(
      mistakesOf(text({ attach: bad, login: { ...login, json: {} } }, {})).map(({ path }) => path),
      ['flows.own.attach.key'],
    );
    const accounts = { one: { flow: 'own', credentials: {}, attach: [{ header: 'Authorization' }, bad] } };
    assert.deepEqual(
      mistakesOf(text({ login: { ...login, json: {} } }, {}, { accounts })).map(({ path }) => path),
      ['accounts.one.attach.1.key'],
    );
  });

  it('names the line of the flow as well as that of the credential', () => {
    const yaml = [
      'flows:',
      '  own:',
      '    credentials: { key: required }',
      '    login: { url: "https://id.example/l", json: { a: "{made}" }, answer: { token: /token } }',
      '    make:',
      '      made:',
      '        jwt: { alg: ES256, key: "{key}" }',
      '  more: { extends: own, idle: 1h }',
      '  google: { extends: google-service-account, idle: 1h }',
      'accounts:',
      '  one:',
      '    flow: more',
      '    credentials:',
      `      key: ${CANARY}`,
      '  two:',
      '    flow: google',
      '    credentials:',
      '      clientEmail: a@b.example',
      '      scope: s',
      `      privateKey: ${CANARY}`,
      'routes: []',
    ].join('\n');
    const [one, two] = mistakesOf(yaml);
    assert.deepEqual([one?.line, two?.line], [14, 20]);
    assert.equal(
      one!.message,
      'cannot be used by the flow (flows.own, line 7): make.made.jwt.key is no private key for ES256',
    );
    assert.match(two!.message, /\(\S+flows\/google-service-account\.yaml, line 17\): make\.assertion\.jwt\.key is no/);
  });

  it('is none if it fits, or is known after a login only', () => {
    load(text(jwt({}), { key: EC }));
    load(text(oauth({}), { key: EC }));
    load(text(oauth({ clientAuth: 'basic', clientSecret: 's' }), { key: CANARY }));
    load(text(signed(oauth1), { key: RSA }));
    load(text(signed(digest), { user: 'u', password: 'a:b' }));
    const answer = { token: '/token', key: '/key', user: '/user' };
    const fromAnswer = { login: { ...login, json: {}, answer } };
    for (const sign of [
      { ...hmac, keyEncoding: 'hex' },
      oauth1,
      { ...digest, password: '{token}' },
      { ...aws4, secret: '{token}' },
    ])
      load(
        text(
          { ...fromAnswer, attach: [{ header: 'X-User', value: '{user}' }, { header: 'X-Key', value: '{key}' }, sign] },
          {},
        ),
      );
  });

  it('is also a certificate that belongs to another key', function () {
    const authority = new Authority(this, folder());
    const [own, other] = [authority.issue({ cn: 'own' }), authority.issue({ cn: 'other' })];
    const flow = jwt({ alg: 'ES256', certificate: '{certificate}' });
    load(text(flow, { key: own.key, certificate: own.cert }));
    for (const certificate of [other.cert, CANARY]) {
      const mistakes = mistakesOf(text(flow, { key: own.key, certificate }));
      assert.deepEqual(
        mistakes.map(({ path }) => path),
        ['accounts.one.credentials.certificate'],
      );
      assert.match(mistakes[0]!.message, /make\.made\.jwt\.certificate (belongs to another key|is no certificate)/);
    }
  });
});
