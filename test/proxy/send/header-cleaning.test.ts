import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Attachment } from '../../../src/flows/attach.ts';
import { responseHeaders, requestFieldFilter, requestHeaders } from '../../../src/proxy/headers.ts';
import type { Route } from '../../../src/proxy/route.ts';
import { attachmentWith } from '../../support/attachment.ts';

const SECRET = 'the-live-token';
const route = {
  host: 'upstream.example',
  origin: 'http://upstream.example',
  basePath: '/base',
  prefix: '/api',
  config: { forwarded: 'drop', setCookie: 'drop' },
  rejectedToken: undefined,
  dropsField: requestFieldFilter({ forwarding: false, overrides: false, extra: [] }),
} as unknown as Route;

/** The same, and its accounts' token is in this field. */
const routeThatSets = (name?: string): Route => ({
  ...route,
  dropsField: requestFieldFilter({ forwarding: false, overrides: false, extra: name === undefined ? [] : [name] }),
});

/** Every name that has to stay behind, as a reader who takes `-` and `_` for nothing would know it. */
const HOP = [
  'connection',
  'http2settings',
  'keepalive',
  'proxyconnection',
  'te',
  'trailer',
  'transferencoding',
  'upgrade',
  'proxyauthenticate',
  'proxyauthorization',
];
const NOT_UP = new Set([
  ...HOP,
  'expect',
  'authorization',
  'authorizationjwt',
  'refresh',
  'xapikey',
  'xtokenwardkey',
  'host',
  'contentlength',
  'via',
  'forwarded',
  'xrealip',
]);
const NOT_DOWN = new Set([
  ...HOP,
  'wwwauthenticate',
  'authenticationinfo',
  'proxyauthenticationinfo',
  'setcookie',
  'setcookie2',
]);
/** X-Forwarded-* has no end of members. */
const staysBehind = (name: string): boolean => NOT_UP.has(bare(name)) || bare(name).startsWith('xforwarded');
const bare = (name: string): string => name.toLowerCase().split(/[-_]/).join('');

const SPECIAL = [
  'Connection',
  'Keep-Alive',
  'Proxy-Connection',
  'TE',
  'Trailer',
  'Transfer-Encoding',
  'Upgrade',
  'Proxy-Authenticate',
  'Proxy-Authorization',
  'Authorization',
  'AuthorizationJWT',
  'Refresh',
  'X-Api-Key',
  'X-Tokenward-Key',
  'Host',
  'Content-Length',
  'Via',
  'Forwarded',
  'X-Forwarded-For',
  'X-Forwarded-Host',
  'X-Forwarded-Client-Cert',
  'X-Real-IP',
  'Expect',
  'WWW-Authenticate',
  'Set-Cookie',
  'Set-Cookie2',
  'Authentication-Info',
];
const respelled = fc
  .tuple(fc.constantFrom(...SPECIAL), fc.nat())
  .map(
    ([name, choice]) =>
      [
        name,
        name.toLowerCase(),
        name.toUpperCase(),
        name.replaceAll('-', '_'),
        name.replace(/[a-z]/g, (letter, at: number) => ((choice >> (at % 24)) & 1 ? letter.toUpperCase() : letter)),
      ][choice % 5]!,
  );
const ordinary = fc.constantFrom(
  'Accept',
  'X-A',
  'x-b',
  'X_C',
  'Cookie',
  'Content-Type',
  'Range',
  'X-Auth',
  'Author',
  'Hosts',
  'X-Forwarded',
  'Link',
  'ETag',
);
const name = fc.oneof(respelled, ordinary);
const value = fc.oneof(
  fc.constantFrom('1', 'a, b', '1.1 tokenward-other, 1.0 fred', '', 'caf\xe9', 'Bearer x'),
  name,
  fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => names.join(' , ')),
);
const fields = fc.array(fc.tuple(name, value), { maxLength: 12 });
const attachment = fc.constantFrom<Attachment>(
  attachmentWith({ headers: ['Authorization', `Bearer ${SECRET}`] }),
  attachmentWith({ headers: ['AuthorizationJWT', `Bearer ${SECRET}`] }),
  attachmentWith({ headers: ['X-Custom-Token', SECRET] }),
  attachmentWith({ query: [`t=${SECRET}`] }),
);

const pairs = (flat: readonly string[]): [string, string][] =>
  Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i]!, flat[2 * i + 1]!]);
/** Names that Connection fields list. */
const listed = (raw: readonly (readonly [string, string])[]): string[] =>
  raw
    .filter(([n]) => n.toLowerCase() === 'connection')
    .flatMap(([, v]) => v.split(',').map((part) => part.trim().toLowerCase()));

describe('header cleaning, against a second statement of it', () => {
  it('upwards: Host, what may pass in its order and spelling, Via, the token once', () => {
    fc.assert(
      fc.property(fields, attachment, (raw, attached) => {
        const [name, secret] = attached.headers;
        const ours = name === undefined ? undefined : ([name, secret!] as const);
        const got = pairs(requestHeaders(raw.flat(), routeThatSets(name), attached, 'tokenward-self'));
        const kept = raw.filter(
          ([n]) =>
            !staysBehind(n) &&
            !listed(raw).includes(n.toLowerCase()) &&
            (ours === undefined || bare(n) !== bare(ours[0])),
        );
        const via = got.find(([n]) => n === 'via')?.[1] ?? '';
        assert.deepEqual(got, [
          ['host', 'upstream.example'],
          ...kept,
          ['via', via],
          ...(ours === undefined ? [] : [[...ours]]),
        ]);
        // Ours comes last; of those before, at most such as may be a tokenward too are told of, so that a circle is
        // noticed.
        const members = via.split(', ');
        assert.equal(members.pop(), '1.1 tokenward-self');
        assert.ok(
          members.every((member) => member.includes('tokenward')),
          via,
        );
      }),
      { numRuns: 10_000 },
    );
  });

  it('upwards: whatever the caller says, the token is there once and his own credentials are not', () => {
    const credential = fc.tuple(respelled, fc.constant('callers-own'));
    fc.assert(
      fc.property(fc.array(fc.oneof(credential, fc.tuple(name, value)), { maxLength: 12 }), (raw) => {
        const got = pairs(
          requestHeaders(
            raw.flat(),
            routeThatSets('Authorization'),
            attachmentWith({ headers: ['Authorization', `Bearer ${SECRET}`] }),
            'tokenward-self',
          ),
        );
        assert.equal(got.filter(([n]) => bare(n) === 'authorization').length, 1);
        assert.equal(got.filter(([, v]) => v.includes(SECRET)).length, 1);
        assert.ok(
          !got.some(([n]) =>
            ['proxyauthorization', 'xapikey', 'refresh', 'authorizationjwt', 'xtokenwardkey'].includes(bare(n)),
          ),
        );
      }),
      { numRuns: 10_000 },
    );
  });

  it('downwards: what may pass in its order and spelling, and never the token', () => {
    const leaky = fc.tuple(name, fc.constantFrom(SECRET, `Bearer ${SECRET}`, `x${SECRET}y`));
    fc.assert(
      fc.property(
        fc.array(fc.oneof({ weight: 4, arbitrary: fc.tuple(name, value) }, { weight: 1, arbitrary: leaky }), {
          maxLength: 12,
        }),
        (raw) => {
          const got = pairs(responseHeaders(raw.flat(), route, attachmentWith({ secrets: [SECRET] }), 'http://proxy'));
          const kept = raw.filter(
            ([n, v]) =>
              !NOT_DOWN.has(bare(n)) &&
              bare(n) !== 'expect' &&
              !bare(n).startsWith('xtokenward') &&
              !listed(raw).includes(n.toLowerCase()) &&
              !v.includes(SECRET),
          );
          assert.deepEqual(got, kept);
        },
      ),
      { numRuns: 10_000 },
    );
  });
});
