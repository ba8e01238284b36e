import assert from 'node:assert/strict';
import { errorOf, smallest } from '../support/config.ts';

const CANARY = 'cAnArY7f3a';
const NUMBER = '7083211945';

/** Places where a secret lands by mistake. Every one is refused; none may be repeated. */
const PLACES: readonly (readonly [where: string, text: string])[] = [
  ['an unquoted number', smallest({ credentials: `token: ${NUMBER}` })],
  ['a list', smallest({ credentials: `token: [${CANARY}]` })],
  ['a mapping', smallest({ credentials: `token: { a: ${CANARY} }` })],
  ['text cut by a comma', smallest({ credentials: `token: a,${CANARY}` })],
  ['a template left unfilled', smallest({ credentials: `token: {{ ${CANARY} }}` })],
  ['an alias', smallest({ credentials: `token: *${CANARY}` })],
  ['a tag', smallest({ credentials: `token: !${CANARY}` })],
  ['a "${" that is none', smallest({ credentials: `token: "a\${${CANARY}!}"` })],
  ['a default of a broken "${"', smallest({ credentials: `token: "\${A B:-${CANARY}}"` })],
  ['a key with spaces', smallest({ credentials: `token: x, "my ${CANARY}": y` })],
  ['credentials that are no mapping', smallest({}).replace('{ token: secret }', CANARY)],
  [
    'an account that is no mapping',
    `accounts: { shop: ${CANARY} }\nroutes: [{ prefix: /shop, upstream: "https://shop.example", account: shop }]`,
  ],
  ['a port', smallest({ top: `listen: { port: ${CANARY} }` })],
  ['a port, as a number', smallest({ top: `listen: { port: ${NUMBER} }` })],
  ['a store key', smallest({ top: `store: { type: embedded, key: ${CANARY} }` })],
  ['a store key, as a number', smallest({ top: `store: { type: embedded, key: ${NUMBER} }` })],
  ['a retired key', smallest({ top: `store: { type: embedded, retiredKeys: [${CANARY}] }` })],
  [
    'the URL of a Redis that is none',
    smallest({ top: `store: { type: redis, url: "https://:${CANARY}@redis.example", key: ${'a'.repeat(64)} }` }),
  ],
  [
    'a node of a Redis Cluster',
    smallest({ top: `store: { type: redis, cluster: { nodes: ["${CANARY}"] }, key: ${'a'.repeat(64)} }` }),
  ],
  [
    'a Redis password, as a number',
    smallest({
      top: `store: { type: redis, url: "redis://redis.example", password: ${NUMBER}, key: ${'a'.repeat(64)} }`,
    }),
  ],
  [
    'the user and password of a proxy that is none',
    smallest({ top: `egressProxy: "socks5://user:${CANARY}@proxy.example"` }),
  ],
  ['the type of the store', smallest({ top: `store: { type: ${CANARY} }` })],
  ["a caller's key in the clear", smallest({ top: `callers: [{ name: a, key: ${CANARY} }]` })],
  ["a caller's key, as a number", smallest({ top: `callers: [{ name: a, key: ${NUMBER} }]` })],
  ['callers', smallest({ top: `callers: ${CANARY}` })],
  [
    "a caller's route",
    smallest({ top: `callers: [{ name: a, key: "sha256:${'0'.repeat(64)}", routes: [/${CANARY}] }]` }),
  ],
  [
    'the user and password of an upstream',
    smallest({}).replace('https://shop.example', `"https://user:${CANARY}@shop.example"`),
  ],
  ['the query of an upstream', smallest({}).replace('https://shop.example', `"https://shop.example/?key=${CANARY}"`)],
  ['an upstream that is no URL', smallest({}).replace('https://shop.example', CANARY)],
  ['the user and password of a baseUrl', smallest({ account: `baseUrl: "https://user:${CANARY}@login.example"` })],
  [
    "the user and password of a flow's baseUrl",
    smallest({ top: `flows: { own: { baseUrl: "https://user:${CANARY}@login.example", attach: { header: X } } }` }),
  ],
  [
    'the user and password of a tokenUrl',
    smallest({}).replace(
      'flow: static, credentials: { token: secret }',
      `flow: oauth2, credentials: { tokenUrl: "https://user:${CANARY}@login.example", clientId: a }`,
    ),
  ],
  ['the name of a flow', smallest({}).replace('flow: static', `flow: ${CANARY}`)],
  ["a route's account", smallest({}).replace('account: shop', `account: ${CANARY}`)],
  ["a route's prefix", smallest({}).replace('prefix: /shop', `prefix: "${CANARY}"`)],
  ['a duration', smallest({ route: `timeouts: { idle: ${CANARY} }` })],
  ['a size', smallest({ route: `maxBody: ${CANARY}` })],
  ['a log level', smallest({ top: `log: { level: ${CANARY} }` })],
  ['a true or false', smallest({ top: `allowAnonymous: ${CANARY}` })],
  ['the attached value', smallest({ account: `attach: { heder: X, value: "${CANARY}" }` })],
  ['a comment', `${smallest({ route: 'replay: maybe' })} # ${CANARY}`],
  ['the default of a variable', smallest({ credentials: `token: "\${A:-${CANARY}}"`, account: 'renew: hourly' })],
  ['a secret beside an error', smallest({ credentials: `token: ${CANARY}`, account: 'renew: hourly' })],
  ['a header beside an error', smallest({ route: `headers: { X-Api-Key: ${CANARY} }, replay: maybe` })],
  [
    'a path of an upstream beside an error',
    smallest({ route: 'replay: maybe' }).replace('shop.example', `x.y/bot${CANARY}`),
  ],
  ['a secret beside an error in malformed YAML', `a: "${CANARY}" b: ${CANARY} ${CANARY}: {`],
  [
    'a secret beside a variable without quotes',
    smallest({ credentials: `token: \${A}, pin: ${CANARY}, ${CANARY}: 1` }),
  ],
  ['a tab before a secret', `store:\n\tkey: ${CANARY}`],
  ['malformed YAML', smallest({ credentials: `token: "${CANARY}` })],
  ['malformed YAML with a colon', smallest({}).replace('{ token: secret }', `a: ${CANARY}: b`)],
  ['malformed JSON', `{ "accounts": { "shop": { "credentials": { "token": "${CANARY}" } `],
  ['a key given twice', smallest({ credentials: `token: ${CANARY}, token: ${CANARY}` })],
  [
    'a pointer of a flow',
    smallest({ top: `flows: { own: { attach: { header: X }, login: { url: /x, answer: { token: ${CANARY} } } } }` }),
  ],
];

describe('what is said of a mistake', () => {
  let warnings: string[];
  let restore: () => void;
  beforeEach(() => {
    warnings = [];
    const original = process.emitWarning;
    process.emitWarning = (warning: string | Error) => warnings.push(String(warning));
    restore = () => {
      process.emitWarning = original;
    };
  });
  afterEach(() => restore());

  for (const [where, text] of PLACES) {
    it(`does not repeat a secret: ${where}`, () => {
      assert.ok(text.includes(CANARY) || text.includes(NUMBER));
      const error = errorOf(text);
      const everything = [error.message, error.stack, JSON.stringify(error.issues), ...warnings].join('\n');
      assert.ok(!everything.includes(CANARY) && !everything.includes(NUMBER), everything);
      assert.deepEqual(warnings, []);
    });
  }
});
