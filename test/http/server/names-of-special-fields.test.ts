import assert from 'node:assert/strict';
import * as names from '../../../src/http/field-names.ts';

/** The names of each list, as a client or an upstream may write them. */
const LISTS: readonly (readonly [title: string, list: readonly string[], written: string])[] = [
  [
    'are about one connection',
    names.HOP_BY_HOP,
    'Connection Keep-Alive Proxy-Connection TE Trailer Transfer-Encoding Upgrade HTTP2-Settings Proxy-Authenticate ' +
      'Proxy-Authorization Expect',
  ],
  ["are the client's credentials", names.CLIENT_CREDENTIALS, 'Authorization AuthorizationJwt Refresh X-Tokenward-Key'],
  ["may be a caller's key", [names.API_KEY], 'X-Api-Key'],
  ['are set by tokenward', names.SET_BY_TOKENWARD, 'Host Content-Length Via'],
  ['tell of the way of a request', names.FORWARDING, 'Forwarded X-Real-IP'],
  ['are added by `forwarded: add`', names.X_FORWARDED, 'X-Forwarded-For X-Forwarded-Host X-Forwarded-Proto'],
  [
    'name another method',
    names.METHOD_OVERRIDES,
    'X-HTTP-Method-Override X-HTTP-Method X-Method-Override X-Original-Method X-Forwarded-Method X-Override-Method ' +
      'X-HTTP-Override HTTP-Method-Override Method-Override X-Rewrite-Method X-Real-Method X-Envoy-Original-Method',
  ],
  [
    'name another target',
    names.TARGET_OVERRIDES,
    'X-Original-URL X-Original-URI X-Original-Path X-Rewrite-URL X-Rewrite-URI X-Rewrite-Path X-Override-URL ' +
      'X-Override-URI X-HTTP-Path-Override X-Envoy-Original-Path X-Envoy-Original-URL X-Forwarded-URI ' +
      'X-Forwarded-URL X-Forwarded-Path X-Real-URL X-Real-URI X-Request-URI X-HTTP-DestinationURL Request-URI ' +
      'X-Accel-Redirect X-WAWS-Unencoded-URL X-URL-Override',
  ],
  [
    'are challenges',
    names.CHALLENGES,
    'WWW-Authenticate Proxy-Authenticate Authentication-Info Proxy-Authentication-Info',
  ],
  ['set cookies', names.COOKIES, 'Set-Cookie Set-Cookie2'],
];

const ORDINARY = ['Accept', 'Cookie', 'Content-Type', 'X-Request-Id', 'X', '', 'Viaduct', 'Hos', 'X-Tokenward'];

describe('the header fields that', () => {
  for (const [title, list, written] of LISTS) {
    it(`${title}: ${written}`, () => {
      const isListed = names.nameMatcher(list);
      for (const name of written.split(' ')) {
        const spellings = [
          name,
          name.toLowerCase(),
          name.toUpperCase(),
          name.replaceAll('-', '_'),
          `${name}-`,
          `_${name}`,
        ];
        for (const spelling of spellings) assert.ok(isListed(spelling), spelling);
        assert.ok(!isListed(`${name}x`), `${name}x`);
      }
      for (const name of ORDINARY) assert.ok(!isListed(name), name);
    });
  }

  it('begin with the words of a family are found by its prefix, in any spelling', () => {
    for (const [prefix, family, other] of [
      [names.X_FORWARDED_PREFIX, ['X-Forwarded-For', 'x_forwarded_prefix', 'X-FORWARDED-SSL'], 'Forwarded'],
      [names.TOKENWARD_PREFIX, ['X-Tokenward-Error', 'x_tokenward_cache', 'XTokenward'], 'Tokenward-Error'],
    ] as const) {
      for (const name of family) assert.ok(names.normalizeName(name).startsWith(prefix), name);
      assert.ok(!names.normalizeName(other).startsWith(prefix), other);
      assert.ok(!names.normalizeName('X-Accept').startsWith(prefix));
    }
  });

  it('differ in case, - and _ only are the same', () => {
    assert.equal(names.normalizeName('X-A_b--C__'), 'xabc');
    assert.equal(names.normalizeName('a.b c'), 'a.b c');
  });
});
