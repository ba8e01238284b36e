import assert from 'node:assert/strict';
import { credentialSource } from '../../src/app/credentials.ts';
import type { TokenRequest } from '../../src/flows/run.ts';
import { systemClock } from '../../src/tokens/clock.ts';
import type { Credential } from '../../src/tokens/credential.ts';
import { Token } from '../../src/tokens/token.ts';
import { load } from '../support/config.ts';

const routes = 'routes: [{ prefix: /a, upstream: "https://api.example", account: one }]';
const sent: TokenRequest[] = [];

/** The account `one`, whose token endpoint grants whatever it is asked for. */
function credential(account: string, flows = '{}'): Credential {
  const config = load(`flows: ${flows}\naccounts: { one: ${account} }\n${routes}`);
  sent.length = 0;
  return credentialSource(config, systemClock, () => async (request) => {
    sent.push(request);
    return { status: 200, headers: {}, body: '{"access_token":"new","token":"new"}' };
  }).get('one')!;
}

const old = new Token(
  { generation: 3, obtainedAt: 0, expiresAt: undefined, refreshExpiresAt: undefined, deadline: Infinity },
  'old-access',
  'old-refresh',
);

describe('a flow with a refresh and no login', () => {
  it('oauth2-refresh spends the refresh token there is, and cannot log in', async () => {
    const one = credential(
      '{ flow: oauth2-refresh, credentials: { tokenUrl: "https://id.example/token", clientId: c, clientSecret: s } }',
    );
    assert.deepEqual([one.canLogin, one.canRefresh, one.staticToken], [false, true, undefined]);
    assert.equal((await one.refresh(old)).kind, 'granted');
    assert.deepEqual(Object.fromEntries(new URLSearchParams(sent[0]!.body)), {
      grant_type: 'refresh_token',
      refresh_token: 'old-refresh',
      client_id: 'c',
      client_secret: 's',
    });
  });

  it("of one's own too, whose answer may bring no new refresh token; it may show the old access token", async () => {
    const one = credential(
      '{ flow: own, credentials: { app: a } }',
      '{ own: { baseUrl: "https://id.example", credentials: { app: required }, refresh: { url: /r, headers: { Authorization: "Bearer {token}" }, json: { app: "{app}", r: "{refreshToken}" }, answer: { token: /token } }, attach: { header: X } } }',
    );
    assert.deepEqual([one.canLogin, one.canRefresh, one.staticToken], [false, true, undefined]);
    assert.equal((await one.refresh(old)).kind, 'granted');
    assert.deepEqual(
      [sent[0]!.body, sent[0]!.headers['authorization']],
      ['{"app":"a","r":"old-refresh"}', 'Bearer old-access'],
    );
  });

  it('is another account for the same client at another authorization server', () => {
    const identityAt = (server: string): string =>
      credential(
        '{ flow: own, credentials: { clientId: c, keycloak: "https://a.example" } }',
        `{ own: { credentials: { clientId: required, keycloak: required }, oauth: { ${server} } } }`,
      ).identity;
    const [issuer, other] = [identityAt('issuer: "https://id.example"'), identityAt('issuer: "https://id2.example"')];
    const token = identityAt('tokenUrl: "https://id.example"');
    assert.equal(new Set([issuer, other, token, identityAt('tokenUrl: "{keycloak}/token"')]).size, 4);
    assert.equal(issuer, identityAt('issuer: "https://id.example", scope: read'));
    const at = (url: string): string =>
      credential(
        `{ flow: own, credentials: { clientId: c, keycloak: "${url}" } }`,
        '{ own: { credentials: { clientId: required, keycloak: required }, oauth: { issuer: "{keycloak}/realm" } } }',
      ).identity;
    assert.notEqual(at('https://a.example'), at('https://b.example'));
  });

  it('is the same account however its client shows itself, and another one for another client', () => {
    const oauth2 = (more: string): string =>
      credential(`{ flow: oauth2-refresh, credentials: { tokenUrl: "https://id.example/token", ${more} } }`).identity;
    assert.equal(oauth2('clientId: c'), oauth2('clientId: c, clientSecret: s, clientAuth: basic'));
    assert.notEqual(oauth2('clientId: c'), oauth2('clientId: d'));
  });
});

describe('a flow with neither', () => {
  it('has a fixed token: the credential that its attach names', () => {
    const one = credential('{ flow: static, credentials: { token: key-1 } }');
    assert.deepEqual([one.canLogin, one.canRefresh, one.staticToken], [false, false, 'key-1']);
    const own =
      '{ own: { credentials: { apiKey: required, note: optional }, attach: { header: X-Api-Key, value: "k {apiKey}" } } }';
    assert.equal(credential('{ flow: own, credentials: { apiKey: key-2, note: n } }', own).staticToken, 'key-2');
  });

  it('has none otherwise, rather than an empty one', () => {
    const { flowOf, accounts, generated } = load(
      `accounts: { one: { flow: static, credentials: { token: key-1 } } }\n${routes}`,
    );
    for (const credentials of [{}, { token: '' }, { token: null }]) {
      const one = credentialSource(
        { flowOf, generated, accounts: { one: { ...accounts['one']!, credentials } } },
        systemClock,
        () => async () => assert.fail('sent'),
      ).get('one')!;
      assert.throws(() => one.staticToken, /has no login, no refresh and no token$/);
    }
  });
});

describe('a flow with both', () => {
  it('can do both', () => {
    const one = credential('{ flow: oauth2, credentials: { tokenUrl: "https://id.example/token", clientId: c } }');
    assert.deepEqual([one.canLogin, one.canRefresh, one.staticToken], [true, true, undefined]);
  });
});
