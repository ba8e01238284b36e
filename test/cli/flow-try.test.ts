import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { closing } from '../support/custom-proxy.ts';
import { fakeUpstream, type FakeUpstream } from '../support/fake-upstream.ts';
import { freshFolder, writeConfig } from '../support/files.ts';
import { run, type Finished } from '../support/process.ts';
import { sandboxConfigObject, type ConfigObject } from '../support/proxy.ts';
import { requireBuild } from '../support/tools.ts';

type Answerer = (request: IncomingMessage, response: ServerResponse, body: string) => unknown;

const json =
  (status: number, body: unknown, headers: Record<string, string> = {}): Answerer =>
  (_request, response) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));

describe('tokenward flow try, with the sandbox', () => {
  const folder = freshFolder();
  let sandbox: Sandbox;
  before(async () => {
    sandbox = await startSandbox();
  });
  after(() => sandbox.close());

  const tries = (...args: string[]): Promise<Finished> =>
    run(['flow', 'try', ...args, '-c', writeConfig(folder(), sandboxConfigObject(sandbox, join(folder(), 'data')))]);
  const calls = (): string[] =>
    sandbox.ledger.entries({ vendor: 'chatapp' }).map(({ kind, outcome }) => `${kind} ${outcome}`);

  it('makes one login, one refresh and one request, says what it found, and stores nothing', async function () {
    requireBuild(this);
    sandbox.ledger.clear();
    const { code, stdout, stderr } = await tries('crm', '--refresh', '--path', '/v1/licenses');
    assert.deepEqual([code, stderr], [0, '']);
    assert.deepEqual(calls(), ['login ok', 'refresh ok', 'api ok']);
    for (const line of [
      /^The token that this brings is not stored, and a running tokenward goes on with its own\.$/m,
      /^The login counts at the vendor\. The budget of 100 logins in 24 h 0 min does not count it\.$/m,
      /^ {2}POST http:\S+\/v1\/tokens$/m,
      // The number in the app's id is a value of the response, and is masked like each of them.
      /^ {4}\{"email":"crm@sandbox\.example","password":"cr…\(14 characters\)","appId":"app_…\(6 characters\)_1"\}$/m,
      /^ {2}response: 200, application\/json$/m,
      /^ {4}token +\/data\/accessToken +text \$2…\(60 characters\)$/m,
      /^ {4}expiresAt +\/data\/accessTokenEndTime +\d{10}, which is 24 h 0 min$/m,
      /^login: granted: a token and a refresh token$/m,
      /^ {4}refresh: \$2…\(60 characters\)$/m,
      /^refresh: granted: a token and a refresh token$/m,
      /^ {2}header Authorization: \$2…\(60 characters\)$/m,
      /^request on route \/crm:$/m,
      /^ {2}rule: no rule of invalid matched: for tokenward the token is alive$/m,
    ])
      assert.match(stdout, line);
    assert.ok(!existsSync(join(folder(), 'data')));
  });

  it('--dry-run shows the requests, and sends none', async function () {
    requireBuild(this);
    const before = sandbox.ledger.count();
    const { code, stdout } = await tries('crm', '--dry-run', '--refresh', '--path', '/crm/v1/licenses');
    assert.equal(code, 0);
    assert.equal(sandbox.ledger.count(), before);
    assert.match(stdout, /^Account crm, flow chatapp: nothing is sent\.$/m);
    assert.match(stdout, /"password":"cr…\(14 characters\)"/);
    assert.match(stdout, /^ {4}refresh: \{refreshToken\}$/m);
    assert.match(stdout, /^ {4}authorization: \{token\}$/m);
    assert.doesNotMatch(stdout, /response|granted/);
  });

  it('--json is the same as data', async function () {
    requireBuild(this);
    const { stdout } = await tries('softline', '--json', '--path', '/v1/order/7');
    const report = JSON.parse(stdout) as {
      renewals: { kind: string; outcome: string; calls: { answer: unknown[] }[] }[];
      attachments: string[];
      path: { route: string; response: { status: string } };
    };
    assert.deepEqual(
      report.renewals.map(({ kind, outcome }) => [kind, outcome]),
      [['login', 'granted']],
    );
    assert.match(report.attachments.join(), /^header AuthorizationJWT: Bearer /);
    assert.deepEqual([report.path.route, report.path.response.status], ['/softline', '200']);
  });

  it('names the routes if the path could be on several', async function () {
    requireBuild(this);
    const { code, stderr } = await tries('twin', '--path', '/api/v1/users/me');
    assert.equal(code, 2);
    assert.match(stderr, /several routes use this account; name one with --route: /);
    assert.equal((await tries('twin', '--path', '/twin/iam/api/v1/users/me')).code, 0);
    assert.equal((await tries('twin', '--path', '/api/v1/users/me', '--route', '/twin/iam')).code, 0);
    assert.match((await tries('twin', '--path', '/a', '--route', '/crm')).stderr, /not below the route that --route/);
  });

  it('refuses what cannot be tried before it sends anything', async function () {
    requireBuild(this);
    const before = sandbox.ledger.count();
    for (const [args, message] of [
      [['crn'], /no account of this name in the configuration; did you mean "crm"\?/],
      [['softline', '--refresh'], /the flow softline has no refresh/],
      [['crm', '--path', 'v1'], /--path must be a path that begins with \//],
      [['crm', '--route', '/crm'], /--route goes with --path/],
    ] as const) {
      const { code, stderr, stdout } = await tries(...args);
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, message);
    }
    assert.equal(sandbox.ledger.count(), before);
  });
});

describe('tokenward flow try', () => {
  const folder = freshFolder();
  const close = closing();
  const flow = (more: Record<string, unknown> = {}): Record<string, unknown> => ({
    credentials: { user: 'required', password: 'required' },
    login: { url: '/login', json: { user: '{user}', password: '{password}' }, answer: { token: '/token' } },
    attach: { header: 'Authorization' },
    invalid: [{ status: 401 }, { status: 200, body: { '/code': 'DEAD' } }],
    ...more,
  });

  async function tries(
    login: Answerer,
    { more = {}, api = json(200, {}), args = [] }: { more?: Record<string, unknown>; api?: Answerer; args?: string[] },
  ): Promise<Finished & { upstream: FakeUpstream }> {
    const upstream = await close(
      fakeUpstream((request, response, body) =>
        /^\/(login|refresh)/.test(request.url ?? '') ? login(request, response, body) : api(request, response, body),
      ),
    );
    const config: ConfigObject = {
      flows: { acme: flow(more) },
      accounts: {
        acme: { flow: 'acme', baseUrl: upstream.url, credentials: { user: 'me', password: 'a-long-password' } },
      },
      routes: [{ prefix: '/acme', upstream: upstream.url, account: 'acme', policy: { deny: [{ path: '/secret' }] } }],
    };
    return { ...(await run(['flow', 'try', 'acme', '-c', writeConfig(folder(), config), ...args])), upstream };
  }

  it('says which rule refused, and what that would mean', async function () {
    requireBuild(this);
    const { code, stdout, stderr } = await tries(json(401, { error: 'invalid_grant' }), {});
    assert.equal(code, 1);
    assert.equal(stderr, 'tokenward: the login brought no token (refused); the flow is at flows.acme, line 1\n');
    assert.match(stdout, /response: 401, code invalid_grant, application\/json/);
    assert.match(stdout, /rule: the rule \{"status":\[400,401,403,422\]\} of login\.refused matched: refused/);
    assert.match(
      stdout,
      /login: refused: the credentials are refused \(status 401, code invalid_grant\); the account would count as dead/,
    );
    assert.doesNotMatch(stdout, /Requests of this account carry:\n {2}header/);
  });

  it('says how long a busy endpoint would be left alone', async function () {
    requireBuild(this);
    const more = { busy: [{ status: 503, wait: '10m' }] };
    const { code, stdout } = await tries(json(503, {}), { more });
    assert.equal(code, 1);
    assert.match(stdout, /the rule \{"status":503,"wait":600\} of busy matched: busy/);
    assert.match(stdout, /tokenward would wait 600 s/);
    assert.match(
      (await tries(json(429, {}, { 'retry-after': '7' }), {})).stdout,
      /429, application\/json, retry-after: 7[\s\S]*would wait 7 s/,
    );
  });

  it('says why a block page is no refusal, and what to do if it is one', async function () {
    requireBuild(this);
    const page: Answerer = (_request, response) =>
      response.writeHead(403, { 'content-type': 'text/html' }).end('<html>no');
    const { stdout, stderr } = await tries(page, {});
    assert.match(stderr, /brought no token \(failed\)/);
    assert.match(stdout, /a rule names this status, but the body is no JSON.*add format: any/);
  });

  it('says where the token may be, if it is not where the flow looks', async function () {
    requireBuild(this);
    const { code, stdout } = await tries(json(200, { data: { accessToken: 'abcdefgh-12345678' }, success: true }), {});
    assert.equal(code, 1);
    assert.match(stdout, /token +\/token +nothing \(flows\.acme, line 1\); perhaps it is at \/data\/accessToken$/m);
    assert.match(stdout, /\/data\/accessToken +text ab…\(17 characters\)$/m);
  });

  it('recognises a dead token by the rules of invalid', async function () {
    requireBuild(this);
    const granted = json(200, { token: 'abcdefgh-12345678' });
    const { code, stdout, stderr, upstream } = await tries(granted, {
      api: json(200, { code: 'DEAD' }),
      args: ['--path', '/v1/me?a=1'],
    });
    assert.equal(code, 1);
    assert.equal(stderr, 'tokenward: the upstream rejects the token\n');
    assert.match(
      stdout,
      /the rule \{"status":200,"body":\{"\/code":"DEAD"\}\} of invalid matched: the token counts as rejected/,
    );
    assert.match(stdout, /\/code +DEAD$/m);
    assert.deepEqual(
      upstream.seen.map(({ method, target }) => `${method} ${target}`),
      ['POST /login', 'GET /v1/me?a=1'],
    );
  });

  it("keeps to the route's policy", async function () {
    requireBuild(this);
    const { code, stderr, upstream } = await tries(json(200, { token: 'abcdefgh-12345678' }), {
      args: ['--path', '/secret/a'],
    });
    assert.equal(code, 1);
    assert.match(stderr, /policy_refused: route \/acme, GET: policy\.deny has/);
    assert.equal(upstream.seen.length, 1);
  });

  it('shows the calls of a login that were not made', async function () {
    requireBuild(this);
    const login = [
      { url: '/login', json: { user: '{user}', password: '{password}' }, answer: { ticket: '/ticket' } },
      { url: '/login/{ticket}', method: 'GET', answer: { token: '/token' } },
    ];
    const dry = await tries(json(200, {}), { more: { login }, args: ['--dry-run'] });
    assert.match(dry.stdout, /login, call 1 of 2:[\s\S]*Made of what that answer brings:\n {2}GET \/login\/\{ticket\}/);
    assert.equal(dry.upstream.seen.length, 0);
    const failed = await tries(json(200, {}), { more: { login } });
    assert.match(failed.stdout, /ticket +\/ticket +nothing[\s\S]*Not sent any more:\n {2}GET \/login\/\{ticket\}/);
  });

  it('never spends a refresh token that may be the only one, and shows how it would be sent', async function () {
    requireBuild(this);
    const more = {
      login: undefined,
      refresh: {
        url: '/refresh',
        form: { refresh_token: '{refreshToken}', password: '{password}', user: '{user}' },
        answer: { token: '/token' },
      },
    };
    const { code, stderr, upstream } = await tries(json(200, { token: 't' }), { more });
    assert.deepEqual([code, upstream.seen.length], [2, 0]);
    assert.match(stderr, /acme has no login, only a refresh token in the store\. Trying it would spend that token/);
    const dry = await tries(json(200, { token: 't' }), { more, args: ['--dry-run'] });
    assert.deepEqual([dry.code, dry.upstream.seen.length], [0, 0]);
    assert.match(dry.stdout, /refresh_token=\{refreshToken\}&password=a-…\(15 characters\)&user=me/);
  });

  it('says so if the login brought no refresh token to try', async function () {
    requireBuild(this);
    const refresh = { url: '/refresh', form: { r: '{refreshToken}' }, answer: { token: '/token' } };
    const { code, stderr } = await tries(json(200, { token: 'abcdefgh-12345678' }), {
      more: { refresh },
      args: ['--refresh'],
    });
    assert.equal(code, 1);
    assert.match(stderr, /the login brought no refresh token, so no refresh was tried/);
  });

  it('answers a challenge of HTTP Digest as tokenward does', async function () {
    requireBuild(this);
    const more = {
      login: undefined,
      attach: { sign: 'digest', user: '{user}', password: '{password}' },
      invalid: [],
    };
    const api: Answerer = (request, response) =>
      request.headers.authorization === undefined
        ? response
            .writeHead(401, { 'www-authenticate': 'Digest realm="a", nonce="n1", qop="auth", algorithm=MD5' })
            .end()
        : response.end('fine');
    const { code, stdout, upstream } = await tries(json(200, {}), { more, api, args: ['--path', '/v1/me'] });
    assert.equal(code, 0, stdout);
    assert.equal(upstream.seen.length, 2);
    assert.match(stdout, /a signature of each request: digest/);
    assert.match(stdout, /the upstream asked for HTTP Digest authentication, and got it/);
  });
});
