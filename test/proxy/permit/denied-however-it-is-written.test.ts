import assert from 'node:assert/strict';
import fc from 'fast-check';
import { legacyLoginResponse, LoginPaths, declaredLogins } from '../../../src/proxy/legacy-login.ts';
import { evaluatePolicy, compilePolicy } from '../../../src/proxy/policy.ts';
import type { Route } from '../../../src/proxy/route.ts';
import { call } from '../../support/call.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';
import { freshWorld, ownCode, tokenCalls } from '../../support/world.ts';

const hex = (byte: number): string => `%${byte.toString(16).padStart(2, '0')}`;
const bytesOf = (text: string): string => [...Buffer.from(text)].map(hex).join('');
const again = (text: string, times: number): string =>
  Array.from({ length: times }).reduce<string>((all) => all.replaceAll('%', '%25'), text);
/** The full-width form of a letter. */
const wide = (letter: string): string => bytesOf(String.fromCodePoint(letter.codePointAt(0)! + 0xfee0));
/** A letter in two bytes, and in three, where one would do. */
const overlong = (letter: string, bytes: 2 | 3): string => {
  const code = letter.charCodeAt(0);
  return (bytes === 2 ? [0xc0 | (code >> 6), 0x80 | (code & 0x3f)] : [0xe0, 0x80 | (code >> 6), 0x80 | (code & 0x3f)])
    .map(hex)
    .join('');
};

/** What some server or other takes for `refund`. */
const ENDINGS = [
  '',
  '.',
  '..',
  '...',
  '%20',
  '%20%20.',
  '.%20',
  '.json',
  '.JSON',
  '.xml',
  '.php',
  '.json.',
  '.tar.gz',
  '.do%20',
  ';x=1',
  '.json;x=1',
  '%3Bx',
  '%3Fx=1',
  '%23x',
  '/',
  '/7',
  '.json/7',
  './7',
];
const LETTERS: readonly ((letter: string) => string)[] = [
  (letter) => letter,
  (letter) => letter.toUpperCase(),
  (letter) => hex(letter.charCodeAt(0)),
  (letter) => again(hex(letter.charCodeAt(0)), 1),
  (letter) => again(hex(letter.charCodeAt(0)), 3),
  (letter) => again(hex(letter.charCodeAt(0)), 6),
  wide,
  (letter) => again(wide(letter), 2),
  (letter) => wide(letter.toUpperCase()),
  (letter) => overlong(letter, 2),
  (letter) => overlong(letter, 3),
];
const spelled = (word: string): fc.Arbitrary<string> =>
  fc
    .tuple(
      ...Array.from(word, (letter) =>
        /[a-z]/.test(letter) ? fc.constantFrom(...LETTERS).map((how) => how(letter)) : fc.constant(letter),
      ),
    )
    .map((parts) => parts.join(''));
const path = (...words: readonly string[]): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.tuple(...words.map(spelled)),
      fc.constantFrom('/', '//', '/./', '/x/../', '%2f', '%252F', '%5c', '/%252e/', '%ef%bc%8f'),
      fc.constantFrom(...ENDINGS),
    )
    .map(([parts, slash, ending]) => `/${parts.join(slash)}${ending}`);

describe('a path that policy.deny names', () => {
  const close = closing();
  const policy = compilePolicy({ deny: [{ path: '/v1/refund' }, { path: '/Заказ' }] }, '');

  it('is denied however it is written', () => {
    fc.assert(
      fc.property(path('v1', 'refund'), (target) => evaluatePolicy(policy, 'GET', target) === 'denied'),
      { numRuns: 5_000 },
    );
  });

  it('is denied in capital and small letters beyond ASCII', () => {
    for (const word of ['Заказ', 'заказ', 'ЗАКАЗ'])
      assert.equal(evaluatePolicy(policy, 'GET', `/${bytesOf(word)}`), 'denied', word);
  });

  it('takes no other path with it', () => {
    for (const target of [
      '/v1/refunds',
      '/v1/refund-list',
      '/v1/re',
      '/v1/refund2',
      '/v1/refund_2',
      '/v1.1/refund',
      '/v1/refund.2',
      '/v1/order.refund',
      '/v1/refund%2b',
      '/v1/xrefund',
      '/v1',
      '/v10/refund',
      '/v1/%D0%B7%D0%B0%D0%BA%D0%B0%D0%B7',
    ])
      assert.equal(evaluatePolicy(policy, 'GET', target), undefined, target);
  });

  it('does not make allow any wider: that is met by what everybody reads alike', () => {
    const narrow = compilePolicy({ allow: [{ path: '/v1/refund' }], deny: [] }, '');
    for (const target of [
      '/v1/refund.json',
      '/v1/refund.',
      '/v1/refund%20',
      `/v1/${wide('r')}efund`,
      `/v1/${overlong('r', 2)}efund`,
      '/v1/refund%3Fx',
      `/v1/${again('%72', 3)}efund`,
    ])
      assert.equal(evaluatePolicy(narrow, 'GET', target), 'not_allowed', target);
    assert.equal(evaluatePolicy(narrow, 'GET', '/v1/%72efund/7'), undefined);
  });

  it('does not leave', async () => {
    const upstream = await close(fakeUpstream());
    const proxy = await close(
      startCustomProxy({
        routes: [
          {
            prefix: '/api',
            upstream: `${upstream.url}/base`,
            account: 'fixed',
            policy: { deny: [{ path: '/v1/refund' }] },
          },
        ],
      }),
    );
    for (const target of [
      '/v1/refund.json',
      '/v1/refund.',
      '/v1/refund%20',
      '/v1/%EF%BD%92efund',
      '/v1/%25252572efund',
      '/v1/refund.json?x=1',
    ]) {
      const answer = await call(proxy.url, `/api${target}`);
      assert.equal(ownCode(answer), 'policy_refused', target);
      assert.match((answer.json() as { detail: string }).detail, /policy\.deny has "every method on \/v1\/refund"/);
    }
    assert.equal(upstream.seen.length, 0);
  });
});

describe('a login path', () => {
  const world = freshWorld();

  it('is refused however it is written', () => {
    const flow = { legacyLogin: [{ path: '/v1/login_check', method: 'POST', answer: {} }] } as unknown as Parameters<
      typeof declaredLogins
    >[0];
    const route = {
      name: '/crm',
      logins: new LoginPaths(declaredLogins(flow)),
      config: { legacyLogin: 'refuse' },
    } as unknown as Route;
    fc.assert(
      fc.property(path('v1', 'login_check'), fc.constantFrom('', '/below'), (target, before) => {
        // What comes behind it is another path here.
        fc.pre(!target.endsWith('/7'));
        assert.throws(() => legacyLoginResponse(route, 'POST', `${before}${target}`), { code: 'login_path_refused' });
      }),
      { numRuns: 5_000 },
    );
  });

  it('does not leave, and spends no login', async () => {
    const { sandbox } = world();
    for (const target of [
      '/softline/v1/login_check.json',
      '/softline/v1/login_check%20',
      '/softline/v1/login_check.',
      '/softline/v1/%EF%BD%8Cogin_check',
      '/crm/v1/tokens.json',
      '/twin/iam/api/v1/auth/login.do',
    ]) {
      assert.equal(ownCode(await world().call(target, { method: 'POST', body: '{}' })), 'login_path_refused', target);
    }
    assert.equal(sandbox.ledger.count(), 0);
    assert.equal(tokenCalls(sandbox, 'softline'), 0);
  });
});
