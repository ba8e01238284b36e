import assert from 'node:assert/strict';
import { load, said, smallest } from '../support/config.ts';

const CASES: readonly (readonly [text: string, complaint: string])[] = [
  [smallest({ top: 'listen: 8080' }), 'listen: must be a mapping or a list'],
  [smallest({ top: 'listen: { port: true }' }), 'listen.port: must be a port number, 0 to 65535'],
  [smallest({ top: 'listen: { port: }' }), 'listen.port: must be a port number, 0 to 65535'],
  [smallest({ top: 'listen: { port: "" }' }), 'listen.port: must be a port number, 0 to 65535'],
  [smallest({ top: 'listen: { port: [8080] }' }), 'listen.port: must be a port number, 0 to 65535'],
  [smallest({ top: 'listen: { port: 65536 }' }), 'listen.port: must be a port number, 0 to 65535'],
  [smallest({ top: 'listen: { port: 80.5 }' }), 'listen.port: must be a port number, 0 to 65535'],
  [smallest({ top: 'listen: { port: -1 }' }), 'listen.port: must be a port number, 0 to 65535'],
  [smallest({ top: 'listen: { host: "" }' }), 'listen.host: must not be empty'],
  [smallest({ top: 'store: ./data' }), 'store: must be a mapping'],
  [smallest({ top: 'store: { path: ./data }' }), 'store.type: must be one of embedded, redis'],
  [smallest({ top: 'store: { type: sqlite }' }), 'store.type: must be one of embedded, redis'],
  [smallest({ top: `store: { type: redis, url: "redis://a:6379" }` }), 'store.key: is missing'],
  [
    smallest({ top: `store: { type: redis, key: ${'a'.repeat(64)} }` }),
    'store: needs exactly one of url, sentinel, cluster',
  ],
  [
    smallest({ top: `store: { type: redis, url: "http://a:6379", key: ${'a'.repeat(64)} }` }),
    'store.url: must be a redis:// or rediss:// URL',
  ],
  [
    smallest({ top: `store: { type: redis, cluster: { nodes: [a] }, key: ${'a'.repeat(64)} }` }),
    'store.cluster.nodes.0: must be host:port',
  ],
  [smallest({ top: 'listen: { tls: { certFile: a } }' }), 'listen.tls.keyFile: is missing'],
  [smallest({ top: 'egressProxy: proxy:3128' }), 'egressProxy: must be environment, none, or the URL of a proxy'],
  [smallest({ top: 'jwt: { issuer: a }' }), 'jwt.jwks: is missing'],
  [smallest({ route: 'policy: { deny: [{}] }' }), 'routes.0.policy.deny.0: needs methods or a path'],
  [
    smallest({ route: 'policy: { allow: [{ methods: [get] }] }' }),
    'routes.0.policy.allow.0.methods.0: must be one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS; ' +
      'did you mean "GET"?',
  ],
  [smallest({ route: 'tls: { certFile: a }' }), 'routes.0.tls: certFile and keyFile go together'],
  [smallest({ top: 'callers: all' }), 'callers: must be none, or a list of callers'],
  [smallest({ top: 'callers: []' }), 'callers: needs at least 1'],
  [smallest({ top: 'allowAnonymous: "yes"' }), 'allowAnonymous: must be true or false'],
  [smallest({ top: 'log: { level: chatty }' }), 'log.level: must be one of trace, debug, info, warn, error, silent'],
  [smallest({ top: 'log: { level: }' }), 'log.level: must be one of trace, debug, info, warn, error, silent'],
  [smallest({ top: 'limits: { waitingPerAccount: 0 }' }), 'limits.waitingPerAccount: must be at least 1'],
  [smallest({ top: 'limits: { headerBytes: 0 }' }), 'limits.headerBytes: must be 1 KiB to 1 MiB'],
  [
    smallest({ top: 'flows: [own]' }),
    'flows: must be a mapping, such as flows: { shop: { extends: oauth2 } }, with the name of each flow as its key',
  ],
  [smallest({ top: 'flows: { own: chatapp }' }), 'flows.own: must be a mapping'],
  [
    smallest({ top: 'flows: { own: {} }' }),
    "flows.own.attach: the flow has no login and no refresh, so its token is fixed: it must be one of the flow's credentials",
  ],
  [
    smallest({ top: 'flows: { "my own": { extends: twin } }' }),
    'flows.(not a name): must be a name of letters, digits, ".", "_" and "-", at most 100 characters',
  ],
  [
    smallest({ top: 'flows: { own: { attach: { header: X }, invalid: [{ status: many }] } }' }),
    'flows.own.invalid.0.status: must be a status such as 401, or 4xx for all of them, or a list of these',
  ],
  [
    smallest({ top: 'flows: { own: { attach: { header: X }, invalid: [{}] } }' }),
    'flows.own.invalid.0: needs at least one of status, header, body, contains',
  ],
  [smallest({ account: 'renew: hourly' }), 'accounts.shop.renew: must be one of early, on-demand'],
  [
    smallest({ top: 'flows: { own: { attach: { header: X }, invalid: [{ status: 6xx }] } }' }),
    'flows.own.invalid.0.status: must be a status such as 401, or 4xx for all of them, or a list of these',
  ],
  [
    smallest({ top: 'flows: { own: { attach: { header: X }, busy: [{ status: 400, wait: long }] } }' }),
    'flows.own.busy.0.wait: must be seconds, or a duration such as "500ms", "30s", "5m", "1h"',
  ],
  [
    smallest({ top: 'flows: { own: { attach: { header: X }, login: { url: login, answer: { token: /t } } } }' }),
    'flows.own.login.url: must be a path that begins with /, a whole URL, or begin with the {name} of one',
  ],
  [
    smallest({ top: 'flows: { own: { attach: { header: X }, login: { url: /login, answer: { token: / } } } }' }),
    'flows.own.login.answer.token: leads to a field without a name; name the field, such as /token',
  ],
  [
    smallest({ top: 'flows: { own: { attach: { header: X }, credentials: { "client-id": required } } }' }),
    'flows.own.credentials.client-id: must be a name of letters, digits and "_", so that {name} can stand for it',
  ],
  [
    smallest({ account: 'lifetime: long' }),
    'accounts.shop.lifetime: must be seconds, or a duration such as "500ms", "30s", "5m", "1h"',
  ],
  [smallest({ account: 'lifetime: 0' }), 'accounts.shop.lifetime: must be at least 1s'],
  [smallest({ account: 'rotationGrace: 25h' }), 'accounts.shop.rotationGrace: must be at most 24h'],
  [
    smallest({ account: 'budget: { logins: 3, reserve: 3 }' }),
    'accounts.shop.budget.reserve: must be smaller than logins',
  ],
  [smallest({ account: 'budget: { per: 1h }' }), 'accounts.shop.budget.logins: is missing, or renewals in its place'],
  [
    smallest({ account: 'budget: { logins: 3, renewals: 5 }' }),
    'accounts.shop.budget.renewals: cannot stand beside logins; write two entries of a list',
  ],
  [
    smallest({ account: 'budget: [{ renewals: 5, reserve: 1 }]' }),
    'accounts.shop.budget.0.reserve: is for logins; renewals have none',
  ],
  [smallest({ account: 'budget: [{ renewals: 0 }]' }), 'accounts.shop.budget.0.renewals: must be at least 1'],
  [
    smallest({ account: 'budget: [{ logins: 3 }, { logins: 2, per: 1h }]' }),
    'accounts.shop.budget: may have one entry with logins',
  ],
  [
    smallest({ account: 'budget: [{ renewals: 3, per: 60m }, { renewals: 2, per: 1h }]' }),
    'accounts.shop.budget: has two entries with renewals and the same per',
  ],
  [smallest({ account: 'budget: []' }), 'accounts.shop.budget: needs at least 1'],
  [smallest({ account: 'budget: 100' }), 'accounts.shop.budget: must be a mapping or a list'],
  [smallest({ route: 'maxConnections: many' }), 'routes.0.maxConnections: must be a number'],
  [smallest({ route: 'legacyLogin: allow' }), 'routes.0.legacyLogin: must be one of refuse, answer, forward'],
  [smallest({ credentials: 'token: 0123' }), 'accounts.shop.credentials.token: must be text: put quotes around it'],
  [smallest({ credentials: 'token: [a]' }), 'accounts.shop.credentials.token: must be text: put quotes around it'],
  ['- a list', 'must be a mapping'],
  ['just words', 'must be a mapping'],
  ['accounts: {}\nroutes: []', 'accounts: needs at least one account'],
];

describe('a value of the wrong kind', () => {
  for (const [text, complaint] of CASES) {
    it(`is told what it should be: ${complaint}`, () => {
      assert.ok(said(text).includes(complaint), said(text).join('\n'));
    });
  }

  it('is asked of ports from the environment too, which are text', () => {
    assert.equal(load(smallest({ top: 'listen: { port: "${PORT}" }' }), { PORT: '8081' }).listeners[0]!.port, 8081);
    assert.deepEqual(said(smallest({ top: 'listen: { port: "${PORT}" }' }), { PORT: '80a' }), [
      'listen.port: must be a port number, 0 to 65535',
    ]);
  });

  it('is found in an optional secret that YAML reads as another number', () => {
    const oauth2 = (secret: string): string =>
      smallest({}).replace(
        'flow: static, credentials: { token: secret }',
        `flow: oauth2, credentials: { tokenUrl: "https://login.example", clientId: a, clientSecret: ${secret} }`,
      );
    for (const secret of ['0123', '1e5', '0x1F', '12345678901234567890', '1_000.0e1']) {
      if (secret === '1_000.0e1')
        assert.equal(load(oauth2(secret)).accounts['shop']!.credentials['clientSecret'], secret);
      else
        assert.deepEqual(
          said(oauth2(secret)),
          ['accounts.shop.credentials.clientSecret: must be text: put quotes around it'],
          secret,
        );
    }
    assert.equal(load(oauth2('1234')).accounts['shop']!.credentials['clientSecret'], 1234);
  });
});
