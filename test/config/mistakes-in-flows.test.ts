import assert from 'node:assert/strict';
import { load, mistakesOf } from '../support/config.ts';

const login = (more: object = {}): object => ({
  login: { url: 'https://id.example/l', form: { u: '{user}', p: '{password}' }, answer: { token: '/t' }, ...more },
});
const answers = (answer: object): object => login({ answer: { token: '/t', ...answer } });
const oauth = (more: object): object => ({
  oauth: { tokenUrl: 'https://id.example/t', clientId: '{user}', clientSecret: '{password}', ...more },
});
const FORMS = 'must be a JSON pointer such as /data/accessToken';

/** What a person writes who has not read all of the manual. */
const CASES: readonly (readonly [what: string, flow: object, at: string, message: string])[] = [
  ['a signature without its keys', { attach: { sign: 'aws4' } }, 'attach.region', 'is missing'],
  ['the same in a list', { attach: [{ sign: 'aws4' }] }, 'attach.0.secret', 'is missing'],
  ['a signature of an unknown kind', { attach: { sign: 'aws5' } }, 'attach.sign', 'did you mean "aws4"?'],
  ['a slip in a signature', { attach: { sign: 'digest', usr: '{user}' } }, 'attach.usr', 'did you mean "user"?'],
  [
    'a method of OAuth 1 that is none',
    { attach: { sign: 'oauth1', consumerKey: '{user}', consumerSecret: '{password}', method: 'HMAC-SHA2' } },
    'attach.method',
    'did you mean "HMAC-SHA1"?',
  ],
  ['a slip in a place', { ...login(), attach: { haeder: 'X' } }, 'attach.haeder', 'did you mean "header"?'],
  [
    'a slip in one place of several',
    { ...login(), attach: [{ header: 'X' }, { qurey: 'k' }] },
    'attach.1.qurey',
    'did you mean "query"?',
  ],
  [
    'a place that does not exist',
    { ...login(), attach: { somewhere: 'X' } },
    'attach.somewhere',
    'unknown key; needed is one of header, query, cookie',
  ],
  ['no place', { ...login(), attach: {} }, 'attach', 'needs one of header, query, cookie'],
  [
    'two places in one entry',
    { ...login(), attach: { header: 'X', query: 'y' } },
    'attach.query',
    'cannot stand beside header; write a list with an entry for each',
  ],
  ['a place without its key', { ...login(), attach: 'Authorization' }, 'attach', 'must be a mapping or a list'],
  ['a parameter with a blank', { ...login(), attach: { query: 'a b' } }, 'attach.query', 'not percent-encoded'],
  [
    'one header field twice',
    { ...login(), attach: [{ header: 'Authorization' }, { basic: '{user}:{password}' }] },
    'attach.1.basic',
    'stands in this list already',
  ],
  [
    'one parameter twice',
    { ...login(), attach: [{ query: 'k' }, { query: 'k', value: '{user}' }] },
    'attach.1.query',
    'stands in this list already',
  ],
  [
    'a client with a secret and without a name',
    { oauth: { grant: 'password', tokenUrl: 'https://id.example/t', username: '{user}', clientSecret: 's' } },
    'oauth.clientId',
    'is missing',
  ],
  ['a value of two made ones', { ...login({ make: loop() }) }, 'login.make.a.of', '{b} is computed in the same make'],
  [
    'the same beside oauth',
    { make: loop(), ...oauth({ scope: '{a}{b}' }) },
    'make.b.of',
    '{a} is computed in the same',
  ],
  ['a made token', login({ make: { token: { uuid: 'v4' } } }), 'login.make.token', 'has a meaning of its own'],
  ['a made value for nobody', { make: { made: { uuid: 'v4' } }, ...oauth({}) }, 'make.made', 'nothing uses {made}'],
  ['a unit with a slip', answers({ expiresIn: '/e minuts' }), 'login.answer.expiresIn', 'did you mean "minutes"?'],
  ['a unit that is an abbreviation', answers({ expiresIn: '/e mins' }), 'login.answer.expiresIn', 'mean "minutes"?'],
  ['an unknown locator', answers({ expiresIn: 'heder:X' }), 'login.answer.expiresIn', FORMS],
  ['JSONPath', answers({ expiresIn: '$.e' }), 'login.answer.expiresIn', 'written with a slash before each name'],
  ['a field without its slash', oauth({ answer: { host: 'api_domain' } }), 'oauth.answer.host', FORMS],
  ['a value of oauth for nobody', oauth({ answer: { host: '/api' } }), 'oauth.answer.host', 'nothing uses {host}'],
  ['a grant with a slip', oauth({ grant: 'client_credential' }), 'oauth.grant', 'did you mean "client_credentials"?'],
  ['a way of clients with a slip', oauth({ clientAuth: 'baisc' }), 'oauth.clientAuth', 'must be one of auto, post'],
];

function loop(): object {
  return { a: { hash: 'md5', of: '{b}' }, b: { hash: 'md5', of: '{a}' } };
}

describe('a mistake in a flow', () => {
  const textOf = (flow: object): string =>
    JSON.stringify({
      flows: { own: { credentials: { user: 'required', password: 'required' }, ...flow } },
      accounts: { one: { flow: 'own', credentials: { user: 'u', password: 'p' } } },
      routes: [{ prefix: '/x', upstream: 'https://x.example', account: 'one' }],
    });

  for (const [what, flow, at, message] of CASES)
    it(`(${what}) is reported at its place, with what to write instead`, () => {
      const found = mistakesOf(textOf(flow));
      const here = found.find(({ path }) => path === `flows.own.${at}`);
      assert.ok(here !== undefined && here.message.includes(message) && here.line === 1, JSON.stringify(found));
    });

  it('is none if a parameter has brackets, which is how some servers write lists', () => {
    load(textOf({ ...login(), attach: { query: 'auth[key]' } }));
  });
});
