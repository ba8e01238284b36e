import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { load, mistakesOf, said, smallest } from '../support/config.ts';
import { freshFolder } from '../support/files.ts';

const CANARY = 'cAnArY9d1c';
const route = (headers: string, more = ''): string =>
  smallest({ credentials: 'token: "${TOKEN}"', route: `headers: ${headers}${more}` });
const ENVIRONMENT = { TOKEN: 't' };

describe('headers of a route', () => {
  const folder = freshFolder();

  it('are texts, from the file itself, from the environment or from a file', () => {
    const file = join(folder(), 'key');
    writeFileSync(file, 'k-1234567\n');
    const config = load(
      route(`{ X-Client: legacy-1, X-Api-Key: "\${file:${file}}", X-Tenant: "\${TENANT}", X-Name: "caf\\u00e9" }`),
      { ...ENVIRONMENT, TENANT: 'north' },
    );
    assert.deepEqual(config.routes[0]!.headers, {
      'X-Client': 'legacy-1',
      'X-Api-Key': 'k-1234567',
      'X-Tenant': 'north',
      'X-Name': 'café',
    });
    assert.deepEqual(config.warnings, []);
  });

  for (const name of [
    'Host',
    'connection',
    'Transfer-Encoding',
    'Transfer_Encoding',
    'CONTENT-LENGTH',
    'content_length',
    'TE',
    'Trailer',
    'Upgrade',
    'Keep-Alive',
    'Expect',
    'Via',
    'Proxy-Authorization',
    'Accept-Encoding',
  ]) {
    it(`${name}: is tokenward's own to write`, () => {
      assert.deepEqual(mistakesOf(route(`{ ${name}: x }`), ENVIRONMENT), [
        {
          path: `routes.0.headers.${name}`,
          line: 4,
          message: 'is set by tokenward itself, so that a route cannot add it',
        },
      ]);
    });
  }

  it('do not set another method or target than the request', () => {
    for (const name of ['X-HTTP-Method-Override', 'X_Original_URL'])
      assert.match(
        said(route(`{ ${name}: x }`), ENVIRONMENT).join(),
        new RegExp(`^routes\\.0\\.headers\\.${name}: sets another method or target`),
      );
  });

  it("do not write where the account's token goes, whichever way the account is found", () => {
    const elsewhere = folder();
    writeFileSync(
      join(elsewhere, 'a.yaml'),
      'inFolder: { flow: static, credentials: { token: "${TOKEN}" }, attach: { header: X-Key } }',
    );
    const generated = join(folder(), 'accounts.jsonl');
    writeFileSync(
      generated,
      '{"name":"written","flow":"static","credentials":{"token":"t"},"attach":{"header":"X-Key"}}\n',
    );
    const text = (account: object, headers: object, accountsFrom: object): string =>
      JSON.stringify({
        accounts: {
          plain: { flow: 'static', credentials: { token: '${TOKEN}' } },
          keyed: { flow: 'static', credentials: { token: '${TOKEN}' }, attach: { header: 'X-Key' } },
          cooked: { flow: 'static', credentials: { token: '${TOKEN}' }, attach: { cookie: 'sid' } },
        },
        accountsFrom,
        routes: [{ prefix: '/x', upstream: 'https://x.example', ...account, headers }],
      });
    const cases: readonly (readonly [object, string])[] = [
      [{ account: 'plain' }, 'Authorization'],
      [{ account: 'plain' }, 'AUTHORIZATION'],
      [{ account: 'keyed' }, 'x_key'],
      [{ account: 'cooked' }, 'Cookie'],
      [{ account: 'inFolder' }, 'X-KEY'],
      [{ account: 'written' }, 'X-Key'],
      [{ accountFrom: { flow: 'softline', header: 'X-Account' } }, 'AuthorizationJWT'],
    ];
    const fixed = (account: object, name: string): string =>
      text(
        account,
        { [name]: 'x' },
        'account' in account && account.account === 'written' ? { file: generated } : { directory: elsewhere },
      );
    for (const [account, name] of cases)
      assert.match(
        said(fixed(account, name), ENVIRONMENT).join(),
        new RegExp(`^routes\\.0\\.headers\\.${name}: is the header in which the account's token goes(, as a cookie)?$`),
        name,
      );
    for (const [account, name] of [
      [{ account: 'keyed' }, 'Authorization'],
      [{}, 'Authorization'],
      [{ account: 'plain' }, 'Cookie'],
      [{ account: 'plain' }, 'X-Account'],
    ] as const)
      load(fixed(account, name), ENVIRONMENT);
  });

  it('do not write what forwarded: add writes, nor the same field twice', () => {
    assert.deepEqual(said(route('{ X-Forwarded-Host: shop.example }', ', forwarded: add'), ENVIRONMENT), [
      "routes.0.headers.X-Forwarded-Host: is set by this route's forwarded: add",
    ]);
    load(route('{ X-Forwarded-Host: shop.example }'), ENVIRONMENT);
    assert.match(said(route('{ X-A: 1a, x_a: 1b }'), ENVIRONMENT).join(), /^routes\.0\.headers\.x_a: is given twice/);
  });

  for (const value of ['a\r\nX-Evil: 1', 'a\nb', 'a\rb', 'a\0b', 'a\x7fb', 'a\x85b', 'a€', 'aю', ' a', 'a\t']) {
    it(`cannot hold what a header cannot carry, which is not repeated: ${JSON.stringify(value)}`, () => {
      for (const [text, environment] of [
        [JSON.stringify(`${value}${CANARY}${value}`), {}],
        ['"${VALUE}"', { VALUE: `${value}${CANARY}${value}` }],
      ] as const) {
        const [mistake, ...more] = mistakesOf(route(`{ X-Client: ${text} }`), { ...ENVIRONMENT, ...environment });
        assert.deepEqual([mistake!.path, mistake!.line, more], ['routes.0.headers.X-Client', 4, []]);
        assert.match(mistake!.message, /^holds characters that cannot be sent/);
        assert.ok(!mistake!.message.includes(CANARY));
      }
    });
  }

  it('are not empty, no numbers, and have names', () => {
    assert.deepEqual(said(route('{ X-A: "", X-B: 2, "X C": x }'), ENVIRONMENT).sort(), [
      'routes.0.headers.(not a name): must be an HTTP header name',
      'routes.0.headers.X-A: must not be empty',
      'routes.0.headers.X-B: must be text (put quotes around it)',
    ]);
    assert.match(
      said(route('{ X-A: "${file:/nowhere/at/all}" }'), ENVIRONMENT).join(),
      /^routes\.0\.headers\.X-A: the file \/nowhere\/at\/all cannot be read \(ENOENT\)$/,
    );
  });

  it('warn of a secret written inline by its name, or by a value that says so; not of what is none', () => {
    const secret = [
      'X-Api-Key',
      'apikey',
      'X-AccessKey',
      'Ocp-Apim-Subscription-Key',
      'X-Auth',
      'X-Auth-Token',
      'Authorization-2',
      'X-Client-Secret',
      'Cookie',
      'X-Signature',
      'X-Tokenward-Key',
    ];
    const plain = [
      'X-Client',
      'X-Client-Id',
      'X-Author',
      'X-Monkey',
      'X-Keyboard',
      'X-Token-Type',
      'X-Tokenward-Request',
      'Accept-Language',
      'X-Version',
    ];
    const config = load(
      route(JSON.stringify(Object.fromEntries([...secret, ...plain].map((name) => [name, CANARY])))),
      ENVIRONMENT,
    );
    assert.deepEqual(
      config.warnings.map(({ path }) => path),
      secret.map((name) => `routes.0.headers.${name}`),
    );
    for (const { message, line } of config.warnings)
      assert.deepEqual([/^is a secret written inline/.test(message), message.includes(CANARY), line], [true, false, 4]);
    assert.equal(load(route(`{ X-Custom: "Basic ${CANARY}" }`), ENVIRONMENT).warnings.length, 1);
    assert.deepEqual(
      load(route('{ X-Api-Key: "${KEY}" }'), { ...ENVIRONMENT, KEY: CANARY }).secretVariables.toSorted(),
      ['KEY', 'TOKEN'],
    );
  });
});
