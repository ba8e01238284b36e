import assert from 'node:assert/strict';
import { oauthSchema, textsOfOauth, type OauthInput } from '../../../src/flows/oauth/schema.ts';

const URL = { tokenUrl: 'https://id.example/token' };

describe('`oauth` of a flow', () => {
  it('needs a token endpoint, and nothing else', () =>
    assert.deepEqual(oauthSchema.parse(URL), {
      ...URL,
      grant: 'client_credentials',
      clientAuth: 'auto',
      subjectTokenType: 'access_token',
      actorTokenType: 'access_token',
      extra: {},
      dpop: false,
      answer: {},
    }));

  it('accepts what it has made', () => {
    const parsed = oauthSchema.parse({
      ...URL,
      grant: 'token_exchange',
      resource: ['a'],
      answer: { host: '/api_domain' },
    });
    assert.deepEqual(oauthSchema.parse(parsed), parsed);
  });

  for (const [what, input, path, message] of [
    ['neither issuer nor tokenUrl', {}, '', 'takes either issuer or tokenUrl'],
    ['both', { ...URL, issuer: 'https://id.example' }, '', 'takes either issuer or tokenUrl'],
    ['a path', { tokenUrl: '/token' }, 'tokenUrl', 'must be a whole URL, or begin with the {name} of one, without #'],
    [
      'a fragment',
      { tokenUrl: 'https://x/#y' },
      'tokenUrl',
      'must be a whole URL, or begin with the {name} of one, without #',
    ],
    [
      'another way to authenticate',
      { ...URL, clientAuth: 'digest' },
      'clientAuth',
      'must be one of auto, post, basic, private_key_jwt, client_secret_jwt, tls, none',
    ],
    [
      'another algorithm',
      { ...URL, alg: 'none' },
      'alg',
      'must be one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, Ed25519',
    ],
    ['private_key_jwt without a key', { ...URL, clientAuth: 'private_key_jwt' }, 'key', 'private_key_jwt needs a key'],
    ['a password for another grant', { ...URL, password: 'x' }, 'password', 'goes with grant: password'],
    ['an assertion for another grant', { ...URL, assertion: 'x' }, 'assertion', 'goes with grant: jwt_bearer'],
    ['a subject for another grant', { ...URL, subjectToken: 'x' }, 'subjectToken', 'goes with grant: token_exchange'],
    [
      'a parameter that is set anyway',
      { ...URL, extra: { grant_type: 'x' } },
      'extra.grant_type',
      'is set by tokenward itself',
    ],
    ['a value that is read anyway', { ...URL, answer: { token: '/x' } }, 'answer.token', 'is read anyway'],
    [
      'a value without a name',
      { ...URL, answer: { 'a-b': '/x' } },
      'answer.a-b',
      'must be a name of letters, digits and "_"',
    ],
  ] as const) {
    it(`is wrong with ${what}`, () => {
      const { error } = oauthSchema.safeParse(input);
      const [issue] = error!.issues;
      const inner = issue!.code === 'invalid_key' ? issue.issues[0]! : issue!;
      assert.deepEqual([issue!.path.join('.'), inner.message], [path, message]);
    });
  }

  it('has no keys that nobody reads', () =>
    assert.equal(oauthSchema.safeParse({ ...URL, tokenURL: 'x' }).success, false));

  const texts = (input: OauthInput): Record<string, string> =>
    Object.fromEntries(textsOfOauth(oauthSchema.parse(input)).map(([path, text]) => [path.join('.'), text]));

  it('shows its texts with their places, for the checks of placeholders', () =>
    assert.deepEqual(
      texts({ tokenUrl: '{url}', scope: '{scope?}', resource: ['{a}', 'b'], extra: { x: '{y}' }, key: '{key}' }),
      {
        clientId: '{clientId}',
        tokenUrl: '{url}',
        clientAuth: 'auto',
        subjectTokenType: 'access_token',
        actorTokenType: 'access_token',
        scope: '{scope?}',
        key: '{key}',
        'resource.0': '{a}',
        'resource.1': 'b',
        'extra.x': '{y}',
      },
    ));

  it('shows the texts that stand for what is not written, where nothing can be sent without them', () => {
    assert.equal(texts({ ...URL, grant: 'jwt_bearer' })['assertion'], '{assertion}');
    assert.equal(texts({ ...URL, grant: 'jwt_bearer' })['clientId'], undefined);
    assert.equal(texts({ ...URL, grant: 'password' })['username'], '{username}');
    assert.equal(texts({ ...URL, grant: 'token_exchange' })['subjectToken'], '{subjectToken}');
    assert.equal(texts({ ...URL, clientId: 'fixed' })['clientId'], 'fixed');
  });
});
