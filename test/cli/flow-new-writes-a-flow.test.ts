import assert from 'node:assert/strict';
import { drafted } from '../../src/cli/flow-new.ts';
import type { Ask, GivenAnswers } from '../../src/cli/new-flow/decisions.ts';
import { parseConfig, type LoadedConfig } from '../../src/config/load.ts';
import type { Flow } from '../../src/flows/flow.ts';
import { Canaries } from '../support/canary.ts';

const LOGIN = `curl https://api.acme.example/v1/login -d 'username=me&password=hunter22'`;
const TOKEN = '{"access_token": "abcdef0123456789"}';

interface Drafted {
  readonly yaml: string;
  readonly notes: readonly string[];
  readonly config: LoadedConfig;
  readonly flow: Flow;
}

/** The draft, loaded as `check` and `serve` would. */
async function draft(
  curl: string,
  answer?: string,
  given: GivenAnswers & { name?: string } = {},
  ask?: Ask,
): Promise<Drafted> {
  const { yaml, notes } = await drafted({ curl, answer }, given, ask);
  const names = [...yaml.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name!);
  const config = parseConfig(yaml, Object.fromEntries(names.map((name) => [name, `value-of-${name}`])), 'draft.yaml');
  assert.deepEqual(config.warnings, []);
  const [name] = Object.keys(config.accounts);
  return { yaml, notes, config, flow: config.flowOf.get(name!)! };
}

describe('tokenward flow new', () => {
  it('makes placeholders of credentials in a form, JSON, XML, the query and Basic authentication', async () => {
    const form = await draft(LOGIN, TOKEN);
    assert.deepEqual(form.flow.login![0]!.form, { username: '{username}', password: '{password}' });
    assert.equal(form.flow.baseUrl, 'https://api.acme.example');
    assert.equal(form.flow.login![0]!.url, '/v1/login');
    assert.deepEqual(form.config.accounts['acme']!.credentials, {
      username: 'value-of-ACME_USERNAME',
      password: 'value-of-ACME_PASSWORD',
    });
    const json = await draft(
      `curl https://api.acme.example/login --json '{"client_id":"app","pass":"hunter22","remember":true,"v":2,"type":"app","pin":1234,"in":{"Kennwort":"geheim"}}'`,
      TOKEN,
    );
    assert.deepEqual(json.flow.login![0]!.json, {
      client_id: '{clientId}',
      pass: '{pass}',
      remember: true,
      v: 2,
      type: 'app',
      pin: '{pin}',
      in: { Kennwort: '{kennwort}' },
    });
    const xml = await draft(
      `curl https://soap.acme.example/ws -H 'Content-Type: application/soap+xml' -d '<a xmlns="urn:x"><user>me</user><p:pass type="t">a&amp;b-secret</p:pass></a>'`,
      '<r><token>abcdef0123456789</token></r>',
    );
    assert.equal(xml.flow.login![0]!.xml, '<a xmlns="urn:x"><user>{user}</user><p:pass type="t">{pass}</p:pass></a>');
    assert.deepEqual(xml.flow.login![0]!.headers, { 'Content-Type': 'application/soap+xml' });
    assert.equal(xml.flow.login![0]!.answer.token, 'xml:/r/token');
    const get = await draft(
      `curl -u me:hunter22 'https://acme.example/token?key=k1&lang=de' -H 'X-Api-Version: 3'`,
      TOKEN,
    );
    const call = get.flow.login![0]!;
    assert.deepEqual(
      [call.method, call.basic, call.query, call.headers],
      ['GET', '{username}:{password}', { key: '{key}', lang: 'de' }, { 'X-Api-Version': '3' }],
    );
  });

  it('keeps no secret of the command or of the answer', async () => {
    const cores = {
      password: 'cAnArYpassword1',
      'field without a known name': 'cAnArYfield222',
      header: 'cAnArYheader33',
      bearer: 'cAnArYbearer44',
      cookie: 'cAnArYcookie55',
      query: 'cAnArYquery666',
      path: 'cAnArYpathKey7777',
      url: 'cAnArYurlPass88',
      'other header': 'cAnArYother9999',
      graphql: 'cAnArYgraphql10',
      token: 'cAnArYtoken1111',
      refresh: 'cAnArYrefresh12',
    };
    const canaries = new Canaries(cores);
    const { password, token } = cores;
    const answer = JSON.stringify({ token, refresh_token: cores.refresh, expires_in: 60, user: { x: token } });
    const rest = `-H 'X-Key: ${cores.header}' -H 'Authorization: Bearer ${cores.bearer}' -b 's=${cores.cookie}' -H 'X-Trace: ${cores['other header']}'`;
    const commands = [
      `curl 'https://a.example/${cores.path}/login?q=${cores.query}' ${rest} -d 'user=me&x=${cores['field without a known name']}&password=${password}&again=${password}'`,
      `curl 'https://me:${cores.url}@a.example/login' --json '{"a":["${password}"],"type":"${password}-type"}'`,
      `curl https://a.example/login --json '{"query":"mutation { login(p: \\"${cores.graphql}\\") {token} }"}'`,
      `curl https://a.example/login -H 'Content-Type: text/xml' -d '<a pass="${password}"><b>${cores.graphql}</b><type>${password}</type></a>'`,
    ];
    const texts: Record<string, string> = {};
    for (const command of commands) {
      const { yaml, notes } = await draft(command, answer, { token: '/token' });
      texts[command.slice(0, 40)] = yaml + notes.join('\n');
    }
    assert.deepEqual(canaries.find(texts), []);
  });

  it('finds token, refresh token, type and lifetime in an answer', async () => {
    const one = await draft(
      LOGIN,
      '{"data":{"accessToken":"abcdef0123456789","refreshToken":"fedcba9876543210","tokenType":"bearer","expiresIn":3600},"success":true}',
    );
    const { answer } = one.flow.login![0]!;
    assert.deepEqual(answer, {
      token: '/data/accessToken',
      tokenType: '/data/tokenType',
      expiresIn: '/data/expiresIn',
    });
    assert.match(one.yaml, /# refreshToken: "\/data\/refreshToken" to the answer above/);
    assert.match(one.yaml, /# If the API refuses in a 200 \(\/success: false\)/);
  });

  for (const [answer, key, locator] of [
    ['{"token":"abcdef0123456789","expires_at":"2027-01-01T00:00:00Z"}', 'expiresAt', '/expires_at'],
    ['{"token":"abcdef0123456789","exp":1893456000}', 'expiresAt', '/exp'],
    ['{"token":"abcdef0123456789","ttlMinutes":30}', 'expiresIn', undefined],
    ['{"token":"abcdef0123456789","timeoutMinutes":30}', 'expiresIn', '/timeoutMinutes minutes'],
    ['{"token":"abcdef0123456789","expires_in":3600000000}', 'expiresAt', undefined],
    ['{"token":"abcdef0123456789","ttl":604800000}', 'expiresIn', '/ttl milliseconds'],
    ['{"token":"abcdef0123456789","lifetime":"PT1H"}', 'expiresIn', '/lifetime'],
  ] as const)
    it(`takes a lifetime as it is meant: ${answer}`, async () => {
      const { flow } = await draft(LOGIN, answer);
      if (locator !== undefined) assert.equal(flow.login![0]!.answer[key], locator);
    });

  for (const [answer, place, attached] of [
    ['HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nabcdef0123456789', 'text', 'Authorization'],
    ['HTTP/2 204\r\nX-Subject-Token: abcdef0123456789\r\n\r\n', 'header:x-subject-token', 'x-subject-token'],
    [
      'HTTP/1.1 302 Found\r\nLocation: /\r\n\r\nHTTP/1.1 200 OK\r\nSet-Cookie: SESSIONID=abcdef0123456789; Path=/\r\n\r\n<html>',
      'cookie:SESSIONID',
      'SESSIONID',
    ],
    ['access_token=abcdef0123456789&expires=60', 'form:access_token', 'Authorization'],
    ['"abcdef0123456789"', 'text', 'Authorization'],
  ] as const)
    it(`finds the token of a whole response, and proposes how it travels: ${place}`, async () => {
      const { flow } = await draft(LOGIN, answer);
      assert.equal(flow.login![0]!.answer.token, place);
      assert.ok(JSON.stringify(flow.attach).includes(attached));
    });

  it('notices a JWT, whose exp counts', async () => {
    const { flow, yaml } = await draft(LOGIN, '{"id_token":"eyJh.eyJz.c2ln","jwt":"eyJh.eyJz.c2ln"}');
    assert.deepEqual(flow.login![0]!.answer, { token: '/jwt', jwt: true });
    assert.doesNotMatch(yaml, /names no lifetime/);
  });

  it('takes the presets for OAuth 2.0, with the way in which the client authenticates', async () => {
    const answer = '{"access_token":"abcdef0123456789","token_type":"Bearer","expires_in":3600}';
    const basic = await draft(
      'curl -u app:s3cret-of-app https://id.acme.example/token -d grant_type=client_credentials -d scope=read',
      answer,
    );
    assert.match(basic.yaml, /extends: oauth2\n/);
    assert.deepEqual(basic.config.accounts['acme']!.credentials, {
      tokenUrl: 'https://id.acme.example/token',
      clientId: 'value-of-ACME_CLIENT_ID',
      clientSecret: 'value-of-ACME_CLIENT_SECRET',
      clientAuth: 'basic',
      scope: 'read',
    });
    assert.ok(basic.flow.invalid.some(({ unlessHeader }) => unlessHeader !== undefined));
    const refresh = await draft(
      `curl https://id.acme.example/token -d 'grant_type=refresh_token&refresh_token=abc-1&client_id=app&client_secret=s3cret'`,
    );
    assert.match(refresh.yaml, /extends: oauth2-refresh\n/);
    assert.equal(refresh.flow.login, undefined);
    const own = await draft(
      `curl https://id.acme.example/token -d 'grant_type=refresh_token&refresh_token=abc-1&tenant=t'`,
      answer,
    );
    assert.deepEqual(own.flow.refresh![0]!.form, {
      grant_type: 'refresh_token',
      refresh_token: '{refreshToken}',
      tenant: '{tenant}',
    });
  });

  it('marks what it assumes, and not what was given', async () => {
    const assumed = await draft(LOGIN);
    for (const what of [
      /token: "\/access_token" {2}# assumed/,
      /attach: .* # assumed/,
      /invalid: .* # assumed/,
      /upstream: .* # assumed/,
    ])
      assert.match(assumed.yaml, what);
    const given = await draft(LOGIN, TOKEN, {
      attach: 'header:X-Auth={token}',
      invalid: '200,403 /error/code=DEAD',
      upstream: 'https://data.acme.example/',
      name: 'shop',
    });
    assert.doesNotMatch(given.yaml.split('\n').slice(2).join('\n'), /assumed/);
    assert.deepEqual(given.flow.attach, [{ header: 'X-Auth', value: '{token}' }]);
    assert.deepEqual(given.flow.invalid, [{ status: [200, 403], body: { '/error/code': 'DEAD' } }]);
    assert.deepEqual(
      given.config.routes.map(({ prefix, upstream }) => [prefix, upstream]),
      [['/shop', 'https://data.acme.example']],
    );
  });

  it('asks only what it cannot know, each with a proposal', async () => {
    const asked: string[] = [];
    const ask: Ask = async (question, proposed, check) => {
      asked.push(`${question.split(/[?\n]/, 1)[0]!} [${proposed}]`);
      assert.equal(check(proposed), undefined);
      assert.notEqual(check('???'), undefined);
      return proposed;
    };
    await draft(LOGIN, TOKEN, {}, ask);
    const others = [
      'Where do requests carry the token [header:Authorization]',
      'How does the API answer a dead token [401]',
      'Which URL do requests go to [https://api.acme.example]',
    ];
    assert.deepEqual(asked.splice(0), others);
    const { yaml } = await draft(LOGIN, '{"token":"abcdef0123456789","sessionToken":"fedcba9876543210"}', {}, ask);
    assert.deepEqual(asked, ['Where is the token in the answer [/sessionToken]', ...others]);
    assert.doesNotMatch(yaml.split('\n').slice(2).join('\n'), /assumed/);
  });

  it('takes the variables that the command names, and values with braces as they are', async () => {
    const { yaml, flow } = await draft(
      `curl https://g.acme.example/graphql --json '{"query":"mutation L($e: String) { login(e: $e) {token} }","variables":{"e":"'"$ACME_MAIL"'"}}'`,
      '{"data":{"login":{"token":"abcdef0123456789"}}}',
    );
    assert.match(yaml, /e: "\$\{ACME_MAIL\}"/);
    assert.match(yaml, /query: "mutation L\(\$e: String\) \{ login\(e: \$e\) \{token\} \}"/);
    assert.deepEqual(flow.login![0]!.json, { query: '{query}', variables: { e: '{e}' } });
  });

  for (const [curl, answer, given, message] of [
    [
      LOGIN,
      '{"hello":"world"}',
      {},
      /no field of the answer looks like a token; name its place with --token\. There are: \/hello/,
    ],
    [LOGIN, 'HTTP/1.1 401 Unauthorized\n\n{}', {}, /the sample answer has status 401/],
    [LOGIN, TOKEN, { token: '/other' }, /--token: the answer has nothing there/],
    [LOGIN, TOKEN, { token: 'nowhere' }, /--token: must be a JSON pointer/],
    [LOGIN, TOKEN, { attach: 'somewhere' }, /--attach: must be such as/],
    [LOGIN, TOKEN, { attach: 'header:X=secret' }, /--attach: the text behind = must contain/],
    [LOGIN, TOKEN, { attach: 'header:X=Bearer {tokne}' }, /the flow would not be usable: .*must contain \{token\}/],
    [LOGIN, TOKEN, { invalid: 'dead' }, /--invalid: must be such as 401/],
    [LOGIN, TOKEN, { upstream: 'acme' }, /--upstream: must be an http/],
    [LOGIN, TOKEN, { name: 'a b' }, /the flow would not be usable/],
    ['curl https://a.example -d hello', TOKEN, {}, /neither JSON nor a form nor XML/],
    [`curl https://a.example --json '{"a"'`, TOKEN, {}, /should be JSON and is not well-formed/],
    ['curl https://a.example -d a=1 -d a=2', TOKEN, {}, /two fields have one name/],
    [
      'curl https://a.example -d grant_type=authorization_code -d code=x',
      TOKEN,
      {},
      /an authorization code can be used once only/,
    ],
    ["curl 'https://a.example", TOKEN, {}, /not complete: a quote is open/],
    ['', TOKEN, {}, /there is no curl command/],
  ] as const)
    it(`says what is wrong: ${String(message)}`, async () => assert.rejects(draft(curl, answer, given), message));
});
