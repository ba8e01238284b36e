import assert from 'node:assert/strict';
import { said, smallest } from '../support/config.ts';

/** Level → a configuration with one mistyped key there, the path complained about, and the name that was meant. */
const LEVELS: readonly (readonly [level: string, text: string, path: string, meant: string])[] = [
  ['the top', smallest({ top: 'lisetn: { port: 1 }' }), 'lisetn', 'listen'],
  ['listen', smallest({ top: 'listen: { prt: 1 }' }), 'listen.prt', 'port'],
  ['operator', smallest({ top: 'operator: { hots: "::1" }' }), 'operator.hots', 'host'],
  ['store', smallest({ top: 'store: { type: embedded, pat: ./x }' }), 'store.pat', 'path'],
  [
    'store of type redis',
    smallest({ top: `store: { type: redis, url: "redis://a:6379", key: ${'a'.repeat(64)}, waitReplica: 1 }` }),
    'store.waitReplica',
    'waitReplicas',
  ],
  [
    'its sentinel',
    smallest({
      top: `store: { type: redis, sentinel: { name: a, nodes: ["a:1"], pasword: b }, key: ${'a'.repeat(64)} }`,
    }),
    'store.sentinel.pasword',
    'password',
  ],
  [
    "listen's tls",
    smallest({ top: 'listen: { tls: { certFile: a, keyFile: b, clientCAFile: c } }' }),
    'listen.tls.clientCAFile',
    'clientCaFile',
  ],
  ['jwt', smallest({ top: 'jwt: { issuer: a, audience: b, jwks: c, claims: d }' }), 'jwt.claims', 'claim'],
  ['a policy', smallest({ route: 'policy: { denny: [] }' }), 'routes.0.policy.denny', 'deny'],
  [
    "a policy's rule",
    smallest({ route: 'policy: { deny: [{ path: /a, method: [GET] }] }' }),
    'routes.0.policy.deny.0.method',
    'methods',
  ],
  ["a route's tls", smallest({ route: 'tls: { cafile: a }' }), 'routes.0.tls.cafile', 'caFile'],
  [
    'a caller',
    smallest({ top: `callers: [{ name: a, key: "sha256:${'0'.repeat(64)}", route: [/shop] }]` }),
    'callers.0.route',
    'routes',
  ],
  ['an account', smallest({ account: 'atach: { header: X }' }), 'accounts.shop.atach', 'attach'],
  ['credentials', smallest({ credentials: 'token: x, tokn: y' }), 'accounts.shop.credentials.tokn', 'token'],
  [
    "an account's attach",
    smallest({ account: 'attach: { header: X, vlaue: y }' }),
    'accounts.shop.attach.vlaue',
    'value',
  ],
  [
    "an account's budget",
    smallest({ account: 'budget: { logins: 3, resreve: 1 }' }),
    'accounts.shop.budget.resreve',
    'reserve',
  ],
  ['a route', smallest({ route: 'max_replay_body: 1' }), 'routes.0.max_replay_body', 'maxReplayBody'],
  ['timeouts', smallest({ route: 'timeouts: { firstbite: 1s }' }), 'routes.0.timeouts.firstbite', 'firstByte'],
  ['limits', smallest({ top: 'limits: { headerByte: 4096 }' }), 'limits.headerByte', 'headerBytes'],
  ['shutdown', smallest({ top: 'shutdown: { drian: 1s }' }), 'shutdown.drian', 'drain'],
  ['log', smallest({ top: 'log: { levle: info }' }), 'log.levle', 'level'],
  [
    'a flow',
    smallest({ top: 'flows: { own: { attach: { header: X }, lifetme: 3 } }' }),
    'flows.own.lifetme',
    'lifetime',
  ],
  [
    'a flow that extends',
    smallest({ top: 'flows: { own: { extends: twin, lifetme: 3 } }' }),
    'flows.own.lifetme',
    'lifetime',
  ],
  [
    "a flow's login",
    smallest({ top: 'flows: { own: { attach: { header: X }, login: { url: /x, jsn: {}, answer: { token: /t } } } }' }),
    'flows.own.login.jsn',
    'json',
  ],
  [
    "a flow's answer",
    smallest({
      top: 'flows: { own: { attach: { header: X }, login: { url: /x, answer: { token: /t, expireIn: /e } } } }',
    }),
    'flows.own.login.answer.expireIn',
    'expiresIn',
  ],
  [
    "a flow's refused",
    smallest({
      top: 'flows: { own: { attach: { header: X }, login: { url: /x, answer: { token: /t }, refused: [{ status: 401, bdy: {} }] } } }',
    }),
    'flows.own.login.refused.0.bdy',
    'body',
  ],
  [
    "a flow's invalid",
    smallest({ top: 'flows: { own: { attach: { header: X }, invalid: [{ status: 401, haeder: {} }] } }' }),
    'flows.own.invalid.0.haeder',
    'header',
  ],
  [
    "a flow's budget",
    smallest({ top: 'flows: { own: { attach: { header: X }, budget: { logins: 3, perr: 60 } } }' }),
    'flows.own.budget.perr',
    'per',
  ],
  [
    "a flow's legacyLogin",
    smallest({ top: 'flows: { own: { attach: { header: X }, legacyLogin: [{ path: /x, answer: {}, methd: GET }] } }' }),
    'flows.own.legacyLogin.0.methd',
    'method',
  ],
];

describe('an unknown key', () => {
  for (const [level, text, path, meant] of LEVELS) {
    it(`at ${level} is refused, and the nearest known one named`, () => {
      // In an answer any name may be a value of its own, so the mistake is that nothing uses it.
      const what = level.endsWith('answer') ? `nothing uses {${path.split('.').at(-1)}}` : 'unknown key';
      assert.deepEqual(said(text), [`${path}: ${what}; did you mean "${meant}"?`]);
    });
  }

  it('that is near to none gets no bad advice', () => {
    assert.deepEqual(said(smallest({ top: 'zz: 1' })), ['zz: unknown key']);
    assert.deepEqual(said(smallest({ top: 'somethingElseAltogether: 1' })), ['somethingElseAltogether: unknown key']);
  });

  it('of the name __proto__ or constructor is one like any other', () => {
    assert.deepEqual(said(smallest({ top: '__proto__: { log: { level: trace } }' })), ['__proto__: unknown key']);
    assert.deepEqual(said(smallest({ top: 'constructor: {}' })), ['constructor: unknown key']);
    assert.deepEqual(said(smallest({ route: '__proto__: { replay: false }' })), ['routes.0.__proto__: unknown key']);
    assert.deepEqual(said(smallest({ credentials: 'token: t, __proto__: { a: b }' })), [
      'accounts.shop.credentials.__proto__: unknown key',
    ]);
    assert.equal(({} as Record<string, unknown>)['level'], undefined);
  });
});
