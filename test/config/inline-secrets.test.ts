import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { load, smallest } from '../support/config.ts';
import { freshFolder, writeConfig } from '../support/files.ts';
import { run } from '../support/process.ts';
import { requireBuild } from '../support/tools.ts';

const KEY = 'a'.repeat(64);
const CANARY = 'cAnArY7f3a';
const INLINE = /^is a secret written inline/;

describe('a secret written inline', () => {
  const folder = freshFolder();
  const warned = (text: string, environment: Readonly<Record<string, string>> = {}): string[] =>
    load(text, environment).warnings.map(({ path, message }) => {
      assert.match(message, INLINE);
      assert.ok(!message.includes(CANARY));
      return path;
    });
  const clean = 'token: "${TOKEN}"';

  it('is warned of with its place, by check, whose exit code stays 0', async function () {
    assert.deepEqual(
      load(smallest({ credentials: `token: ${CANARY}` })).warnings.map(({ path, line }) => [path, line]),
      [['accounts.shop.credentials.token', 2]],
    );
    requireBuild(this);
    const file = writeConfig(folder(), {
      accounts: { a: { flow: 'static', credentials: { token: CANARY } } },
      routes: [{ prefix: '/x', upstream: 'https://x.example', account: 'a' }],
    });
    const { code, stderr } = await run(['check', '-c', file]);
    assert.equal(code, 0);
    assert.match(stderr, /^warning: .*:1:\d+: accounts\.a\.credentials\.token: is a secret written inline/);
    assert.ok(!stderr.includes(CANARY));
  });

  it('is one also as the default of a variable that is not set, and in a file of a folder', () => {
    assert.deepEqual(warned(smallest({ credentials: `token: "\${TOKEN:-${CANARY}}"` })), [
      'accounts.shop.credentials.token',
    ]);
    assert.deepEqual(warned(smallest({ credentials: `token: "\${TOKEN:-${CANARY}}"` }), { TOKEN: 't' }), []);
    const at = folder();
    writeFileSync(join(at, 'a.yaml'), `more: { flow: static, credentials: { token: ${CANARY} } }`);
    assert.deepEqual(
      warned(smallest({ credentials: clean, top: `accountsFrom: { directory: ${at} }` }), { TOKEN: 't' }),
      ['accounts.more.credentials.token'],
    );
  });

  it('is found by what it is: passwords, secrets, keys; not users, names and addresses', () => {
    const chatapp = { flow: 'chatapp', credentials: { email: 'a@b.example', password: CANARY, appId: '1' } };
    const oauth = {
      flow: 'oauth2',
      credentials: {
        tokenUrl: 'https://id.example/token',
        clientId: 'c',
        clientSecret: CANARY,
        scope: 'read',
        clientAuth: 'post',
      },
    };
    const named = { flow: 'own', credentials: { badge: CANARY } };
    const text = JSON.stringify({
      flows: { own: { credentials: { badge: 'required' }, attach: { header: 'x', value: '{badge}' } } },
      accounts: { chatapp, oauth, named },
      routes: [{ prefix: '/x', upstream: 'https://x.example' }],
    });
    assert.deepEqual(warned(text).sort(), [
      'accounts.chatapp.credentials.password',
      'accounts.named.credentials.badge',
      'accounts.oauth.credentials.clientSecret',
    ]);
  });

  it('is found beyond accounts: store, proxy on the way out, calls of a flow', () => {
    const top = [
      `store: { type: redis, url: "redis://:${CANARY}@redis.example", password: ${CANARY}, key: ${KEY}, retiredKeys: [${KEY}], keyPrefix: x }`,
      `egressProxy: "http://user:${CANARY}@proxy.example:3128"`,
      `flows: { own: { extends: oauth2, login: { url: "{tokenUrl}", headers: { X-Api-Key: ${CANARY}, X-Other: a }, form: { grant_type: password, client_secret: "{clientSecret}", secret: ${CANARY} }, answer: { token: /token } } } }`,
    ].join('\n');
    assert.deepEqual(warned(smallest({ credentials: clean, top }), { TOKEN: 't' }).sort(), [
      'egressProxy',
      'flows.own.login.form.secret',
      'flows.own.login.headers.X-Api-Key',
      'store.key',
      'store.password',
      'store.retiredKeys.0',
      'store.url',
    ]);
  });

  it('is found in oauth, make and sign of a flow, but not in what only names or describes a secret', () => {
    const sign = (kind: string, more: object): object => ({ sign: kind, ...more });
    const own = {
      credentials: { key: 'optional' },
      oauth: {
        tokenUrl: 'https://id.example/token',
        clientId: 'c',
        clientSecret: CANARY,
        clientAuth: 'private_key_jwt',
        key: generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }),
        kid: 'k',
        extra: { api_secret: CANARY, token_type: 'x', more: '{key?}{one}{two}' },
        answer: { sessionKey: '/key' },
      },
      make: {
        one: { jwt: { alg: 'HS256', key: CANARY, keyEncoding: 'base64', claims: { secretWord: CANARY, sub: 'me' } } },
        two: { hmac: { key: '{key}', keyEncoding: 'base64', of: 'x' } },
      },
      attach: [
        sign('aws4', { region: 'r', service: 's', key: 'AKIA', secret: CANARY, sessionToken: '{token}' }),
        sign('oauth1', { consumerKey: 'ck', consumerSecret: CANARY, token: '{token}', tokenSecret: '{key}' }),
        sign('hmac', {
          key: CANARY,
          keyEncoding: 'base64',
          of: '{path}',
          headers: { 'X-Api-Key': CANARY, 'X-Key': '{signature}' },
        }),
        sign('digest', { user: 'u', password: CANARY }),
        { cookie: 'session', value: '{token}' },
        { header: 'X-Token', value: '{token}{sessionKey}' },
      ],
    };
    const text = JSON.stringify({
      flows: { own },
      accounts: {
        one: { flow: 'own', credentials: {}, attach: sign('digest', { user: '{token}', password: CANARY }) },
      },
      routes: [{ prefix: '/x', upstream: 'https://x.example', account: 'one' }],
    });
    assert.deepEqual(warned(text).sort(), [
      'accounts.one.attach.password',
      'flows.own.attach.0.secret',
      'flows.own.attach.1.consumerSecret',
      'flows.own.attach.2.headers.X-Api-Key',
      'flows.own.attach.2.key',
      'flows.own.attach.3.password',
      'flows.own.make.one.jwt.claims.secretWord',
      'flows.own.make.one.jwt.key',
      'flows.own.oauth.clientSecret',
      'flows.own.oauth.extra.api_secret',
      'flows.own.oauth.key',
    ]);
  });

  it('is none if it comes from elsewhere, in part at least', () => {
    const file = join(folder(), 'secret');
    writeFileSync(file, 's');
    assert.deepEqual(warned(smallest({ credentials: clean }), { TOKEN: 't' }), []);
    assert.deepEqual(warned(smallest({ credentials: `token: "\${file:${file}}"` })), []);
    assert.deepEqual(warned(smallest({ credentials: 'token: "key-${TOKEN}"' }), { TOKEN: 't' }), []);
  });

  it('may be the name of another variable: that is said too', () => {
    for (const value of ['$OTHER', '${OTHER}', '%OTHER%']) {
      assert.deepEqual(
        load(smallest({ credentials: clean }), { TOKEN: value }).warnings.map(({ message }) => message),
        ['comes from a variable that holds only the name of another one, which is not expanded there'],
      );
    }
  });
});
