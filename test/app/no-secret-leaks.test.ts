import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text as readText } from 'node:stream/consumers';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { call, type CallOptions } from '../support/call.ts';
import { Canaries } from '../support/canary.ts';
import { freshFolder, writeConfig } from '../support/files.ts';
import { spanReceiver, type SpanReceiver } from '../support/otlp.ts';
import { run, serve, type Served } from '../support/process.ts';
import { requireBuild } from '../support/tools.ts';

/** Letters and digits of each secret that are found nowhere else. */
const CORES = {
  'softline password': 'cAnArYpwSoftline31',
  'chatapp password': 'cAnArYpwChatapp42',
  'twin password': 'cAnArYpwTwin5353',
  'wrong password': 'cAnArYpwWrong6464',
  'softline token': 'cAnArYtkSoftline75',
  'chatapp token': 'cAnArYtkChatapp86',
  'twin token': 'cAnArYtkTwin9797',
  'fixed token': 'cAnArYtkFixed1808',
  'client secret': 'cAnArYclientSecret2919',
  'oauth2 token': 'cAnArYtkOauth3020',
  'oauth2 refresh token': 'cAnArYrtOauth4131',
  'caller key': 'cAnArYcallerKey5242',
  'unknown caller key': 'cAnArYcallerUnknown6353',
  'store key': 'cAnArYstoreKey7464xxxxxxxxxxxxxx',
  'other store key': 'cAnArYstoreOther8575yyyyyyyyyyyy',
  "caller's query": 'cAnArYquery9686',
  "caller's body": 'cAnArYbody0797',
  "caller's cookie": 'cAnArYcookie1808',
  "caller's login": 'cAnArYlogin2919',
  "receiver's key": 'cAnArYreceiverKey3020',
} as const;
const canaries = new Canaries(CORES);
const CALLER_KEY = `k-${CORES['caller key']}`;
const PASSWORDS = {
  softline: `a"${CORES['softline password']} $&+/`,
  chatapp: `#${CORES['chatapp password']}: '`,
  twin: `{${CORES['twin password']}}\\`,
};
const STORE_KEY = Buffer.from(CORES['store key']).toString('base64');
const OTHER_STORE_KEY = Buffer.from(CORES['other store key']).toString('hex');

describe('no secret gets out', function () {
  this.timeout(120_000);
  const folder = freshFolder();
  let sandbox: Sandbox;
  /** A token endpoint that quotes in its refusals what it was sent, and an upstream. */
  let echo: Server;
  let echoUrl: string;
  let echoMode: 'granted' | 'quoted' | 'page' = 'granted';
  let running: Served | undefined;
  let receiver: SpanReceiver;
  before(async () => {
    receiver = await spanReceiver();
    sandbox = await startSandbox();
    sandbox.softline.accounts[0] = { username: 'shop', password: PASSWORDS.softline };
    sandbox.chatapp.accounts[0] = { email: 'crm@example.com', password: PASSWORDS.chatapp, appId: 'app_1_1' };
    sandbox.twin.accounts[0] = { email: 'bots@example.com', password: PASSWORDS.twin };
    echo = createServer((request, response) => {
      void readText(request).then((body) => {
        if (request.url !== '/token') return response.end('fine');
        if (echoMode === 'page') return response.writeHead(200, { 'content-type': 'text/html' }).end(`<p>${body}`);
        if (echoMode === 'quoted') {
          const secret = new URLSearchParams(body).get('client_secret') ?? '';
          return response
            .writeHead(401, { 'content-type': 'application/json', 'www-authenticate': `Basic realm="${secret}"` })
            .end(JSON.stringify({ error: `bad_${secret}`, error_description: body }));
        }
        return response.writeHead(200, { 'content-type': 'application/json' }).end(
          JSON.stringify({
            access_token: CORES['oauth2 token'],
            refresh_token: CORES['oauth2 refresh token'],
            expires_in: 3600,
          }),
        );
      });
    });
    await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
    echoUrl = `http://127.0.0.1:${(echo.address() as AddressInfo).port}`;
  });
  after(async () => {
    echo.close();
    await receiver.close();
    await sandbox.close();
  });

  afterEach(() => {
    running?.child.kill('SIGKILL');
    running = undefined;
  });

  const environment = {
    SOFTLINE_PASSWORD: PASSWORDS.softline,
    CHATAPP_PASSWORD: PASSWORDS.chatapp,
    TWIN_PASSWORD: PASSWORDS.twin,
    WRONG_PASSWORD: CORES['wrong password'],
    FIXED_TOKEN: CORES['fixed token'],
    CLIENT_SECRET: CORES['client secret'],
    STORE_KEY,
    OTHER_STORE_KEY,
    RECEIVER_KEY: CORES["receiver's key"],
  };

  function configuration(change: Record<string, unknown> = {}): Record<string, unknown> {
    const { urls } = sandbox;
    return {
      listen: { host: '127.0.0.1', port: 0 },
      operator: { host: '127.0.0.1', port: 0 },
      log: { level: 'trace' },
      tracing: { endpoint: receiver.url, headers: { authorization: 'Bearer ${RECEIVER_KEY}' } },
      shutdown: { drain: '1s' },
      store: { type: 'embedded', path: join(folder(), 'store'), key: '${STORE_KEY}' },
      callers: [{ name: 'tests', key: `sha256:${createHash('sha256').update(CALLER_KEY).digest('hex')}` }],
      accounts: {
        softline: {
          flow: 'softline',
          baseUrl: urls.softline,
          credentials: { username: 'shop', password: '${SOFTLINE_PASSWORD}' },
        },
        crm: {
          flow: 'chatapp',
          baseUrl: urls.chatapp,
          credentials: { email: 'crm@example.com', password: '${CHATAPP_PASSWORD}', appId: 'app_1_1' },
        },
        twin: {
          flow: 'twin',
          baseUrl: urls.twin.iam,
          credentials: { email: 'bots@example.com', password: '${TWIN_PASSWORD}' },
        },
        wrong: {
          flow: 'softline',
          baseUrl: urls.softline,
          credentials: { username: 'shop', password: '${WRONG_PASSWORD}' },
        },
        partner: {
          flow: 'oauth2',
          credentials: { tokenUrl: `${echoUrl}/token`, clientId: 'client', clientSecret: '${CLIENT_SECRET}' },
        },
        fixed: { flow: 'static', credentials: { token: '${FIXED_TOKEN}' }, attach: { query: 'key' } },
      },
      routes: [
        {
          prefix: '/softline',
          upstream: urls.softline,
          account: 'softline',
          maxBody: '64 KiB',
          timeouts: { firstByte: '1s', idle: '1s' },
        },
        { prefix: '/crm', upstream: urls.chatapp, account: 'crm', legacyLogin: 'answer' },
        { prefix: '/twin', upstream: urls.twin.iam, account: 'twin' },
        { prefix: '/wrong', upstream: urls.softline, account: 'wrong' },
        { prefix: '/partner', upstream: echoUrl, account: 'partner' },
        { prefix: '/fixed', upstream: echoUrl, account: 'fixed' },
        { prefix: '/down', upstream: 'http://127.0.0.1:1', account: 'fixed' },
      ],
      ...change,
    };
  }

  /** All kinds of success and failure. Gives back every answer that was tokenward's own. */
  async function drive(proxy: Served): Promise<{ ours: string[]; statuses: Set<string> }> {
    const ours: string[] = [];
    const statuses = new Set<string>();
    const headers = {
      'x-tokenward-key': CALLER_KEY,
      cookie: `session=${CORES["caller's cookie"]}`,
      authorization: `Bearer ${CORES["caller's login"]}`,
    };
    const send = async (target: string, options: CallOptions = {}): Promise<void> => {
      const answer = await call(proxy.url, `${target}${target.includes('?') ? '&' : '?'}q=${CORES["caller's query"]}`, {
        ...options,
        headers: { ...headers, 'content-type': 'application/json', ...options.headers },
      }).catch(() => undefined);
      statuses.add(`${answer?.status ?? 'cut'} ${String(answer?.headers['x-tokenward-error'] ?? '')}`.trim());
      if (answer !== undefined) ours.push(JSON.stringify(answer.rawHeaders));
      if (answer?.headers['x-tokenward-error'] !== undefined) ours.push(answer.text);
    };
    const post: CallOptions = { method: 'POST', body: JSON.stringify({ text: CORES["caller's body"] }) };
    const { softline, chatapp, twin } = sandbox;
    for (const vendor of [softline, chatapp, twin]) vendor.reset();
    softline.set({ tokenPrefix: CORES['softline token'] });
    chatapp.set({ tokenPrefix: CORES['chatapp token'] });
    twin.set({ tokenPrefix: CORES['twin token'] });

    // Success, renewal by login and by refresh, replay.
    for (const target of ['/softline/v1/order/7', '/crm/v1/licenses', '/twin/api/v1/users/me', '/fixed/a'])
      await send(target);
    for (const vendor of [softline, chatapp, twin]) vendor.revokeCurrent();
    await send('/softline/v1/payment', post);
    await send('/crm/v1/licenses/1/messengers/a/chats/b/messages/text', post);
    await send('/twin/api/v1/users/me');
    // The second refresh token, refused; then a login that fails in every way.
    chatapp.revokeCurrent();
    chatapp.revokeRefresh();
    chatapp.set({
      loginMode: {
        status: 200,
        body: { success: false, error: { code: `wrong_${CORES['chatapp password']}`, message: PASSWORDS.chatapp } },
      },
    });
    await send('/crm/v1/licenses', post);
    for (const mode of [
      'status-500',
      'html-200',
      'empty-200',
      'reset',
      'redirect',
      { status: 401, body: { error: PASSWORDS.twin } },
      { status: 500, body: { error: PASSWORDS.twin } },
    ] as const) {
      twin.revokeCurrent();
      twin.set({ refreshMode: mode, loginMode: mode });
      await send('/twin/api/v1/users/me');
      await call(proxy.operatorUrl, '/renew/twin?reserve=true', { method: 'POST' }).then(({ text }) => ours.push(text));
    }
    await send('/wrong/v1/order/7');
    await send('/wrong/v1/order/7');
    for (const mode of ['page', 'quoted', 'granted', 'quoted'] as const) {
      echoMode = mode;
      await call(proxy.operatorUrl, '/renew/partner?reserve=true', { method: 'POST' }).then(({ text }) =>
        ours.push(text),
      );
      await send('/partner/a', post);
    }
    // The upstream's trouble.
    for (const target of ['reset', 'hang', 'cut/1000', 'status/500', 'redirect', 'slow-body?pieces=3&ms=1500'])
      await send(`/softline/v1/sandbox/${target}`);
    await send('/down/a');
    // The caller's own.
    await send('/nowhere');
    await send('/softline/v1/../x');
    await send('/softline/v1/login_check', {
      method: 'POST',
      body: JSON.stringify({ username: 'a', password: CORES["caller's login"] }),
    });
    await send('/crm/v1/tokens', {
      method: 'POST',
      body: JSON.stringify({ email: 'a', password: CORES["caller's login"], appId: 'b' }),
    });
    await send('/softline/v1/payment', { method: 'POST', body: CORES["caller's body"].repeat(5_000) });
    await send('/softline/v1/order/7', { headers: { 'x-tokenward-key': CORES['unknown caller key'] } });
    await send('/softline/v1/order/7', {
      headers: {
        'x-tokenward-key': '',
        authorization: `Basic ${Buffer.from(`a:${CORES['unknown caller key']}`).toString('base64')}`,
      },
    });
    await send('/softline/v1/order/7', { headers: { 'x-tokenward-key': '', authorization: '' } });
    await send('/softline/v1/order/7', { headers: { 'x-large': CORES["caller's login"].repeat(2_000) } });
    ours.push(
      await raw(
        proxy.url,
        `GET /softline/v1 HTTP/1.1\r\nHost: a\r\nX-Tokenward-Key: ${CALLER_KEY}\r\nBroken ${CORES["caller's login"]}\r\n\r\n`,
      ),
    );
    ours.push(
      await raw(
        proxy.url,
        `GET /softline/v1 HTTP/1.1\r\nHost: a\r\nX-Tokenward-Key: ${CALLER_KEY}\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n`,
      ),
    );
    return { ours, statuses };
  }

  it('into logs, errors, metrics, pages, command output or the store, whatever happens', async function () {
    requireBuild(this);
    const file = writeConfig(folder(), configuration());
    const proxy = (running = await serve(['-c', file], environment));
    const { ours, statuses } = await drive(proxy);
    // Else nothing is proved.
    for (const status of [
      '200',
      '401 caller_key_missing',
      '403 caller_key_unknown',
      '403 login_path_refused',
      '404 route_unknown',
      '400 request_target_refused',
      '413 body_too_large',
      '431 headers_too_large',
      '502 upstream_unreachable',
      '502 upstream_broken',
      '504 upstream_timeout',
      '503 credential_dead',
      '503 token_unavailable',
      'cut',
    ])
      assert.ok(statuses.has(status), `${status} is not among ${[...statuses].join(', ')}`);

    const texts: Record<string, string | Buffer> = { "tokenward's answers": ours.join('\n') };
    for (const target of [
      '/',
      '/healthz',
      '/readyz',
      '/metrics',
      '/status',
      '/overview',
      '/accounts',
      '/session',
      '/nothing',
      `/renew/${encodeURIComponent(CALLER_KEY)}`,
    ])
      texts[target] = (await call(proxy.operatorUrl, target)).text;
    const commands = await Promise.all(
      [
        ['status', '--operator', proxy.operatorUrl],
        ['status', '--json', '--operator', proxy.operatorUrl],
        ['renew', 'wrong', '--operator', proxy.operatorUrl],
        ['renew', 'partner', '--operator', proxy.operatorUrl],
        ['check', '-c', file],
        ['--help'],
        ['schema'],
      ].map(async (args) => ({ args, ...(await run(args, { env: environment })) })),
    );
    for (const { args, stdout, stderr } of commands) texts[args.join(' ')] = stdout + stderr;
    assert.equal(await proxy.end(), 0);
    const { stdout, stderr } = proxy.output();
    // Texts stand in Protocol Buffers as they are.
    texts['spans'] = Buffer.concat(receiver.requests.map(({ body }) => body));
    assert.ok(receiver.spans.length > 50, 'spans are missing');
    assert.ok(stderr.includes('"level":"debug"'), 'the log is not at trace level');
    Object.assign(texts, { stdout, stderr });
    for (const name of readdirSync(join(folder(), 'store')))
      texts[`store/${name}`] = readFileSync(join(folder(), 'store', name));
    assert.ok('store/tokens.mdb' in texts);
    assert.deepEqual(canaries.find(texts), []);
  });

  it('when it cannot start', async function () {
    requireBuild(this);
    const good = writeConfig(folder(), configuration());
    const proxy = (running = await serve(['-c', good], environment));
    sandbox.softline.reset();
    await call(proxy.url, '/softline/v1/order/7', { headers: { 'x-tokenward-key': CALLER_KEY } });
    assert.equal(await proxy.end(), 0);
    const texts: Record<string, string> = {};
    const attempts: Record<string, unknown> = {
      'another store key': configuration({
        store: { type: 'embedded', path: join(folder(), 'store'), key: '${OTHER_STORE_KEY}' },
      }),
      'a store key that is none': configuration({
        store: { type: 'embedded', path: join(folder(), 'store'), key: '${WRONG_PASSWORD}' },
      }),
      'secrets in wrong places': configuration({
        listen: { port: '${SOFTLINE_PASSWORD}' },
        log: { level: '${CHATAPP_PASSWORD}' },
        callers: [{ name: 'tests', key: CALLER_KEY }],
        routes: [{ prefix: '/a', upstream: `http://user:${CORES['wrong password']}@127.0.0.1:1` }],
      }),
      'malformed YAML': `accounts: { a: { flow: static, credentials: { token: "${CORES['fixed token']} } } }`,
    };
    for (const [name, config] of Object.entries(attempts)) {
      const { code, stdout, stderr } = await run(['serve', '-c', writeConfig(folder(), config, 'bad.yaml')], {
        env: environment,
      });
      assert.notEqual(code, 0, name);
      texts[name] = stdout + stderr;
    }
    assert.deepEqual(canaries.find(texts), []);
  });

  it('unseen by this test: it finds secrets in every form', () => {
    for (const [name, core] of Object.entries(CORES)) {
      const text = `xy${core}z`;
      for (const encoded of [
        text,
        text.toUpperCase(),
        ...[0, 1, 2].flatMap((shift) => [
          Buffer.from(text.slice(shift)).toString('base64'),
          Buffer.from(text.slice(shift)).toString('base64url'),
        ]),
        Buffer.from(text).toString('hex'),
        Buffer.from(text).toString('hex').toUpperCase(),
        encodeURIComponent(text),
        JSON.stringify({ text }),
      ]) {
        assert.notDeepEqual(canaries.find({ text: encoded }), [], `${name} in ${encoded}`);
      }
    }
    assert.deepEqual(canaries.find({ text: 'nothing of the kind' }), []);
  });
});

/** Sends bytes as they are, and gives back what comes until the end. */
function raw(url: string, bytes: string): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    let answer = '';
    socket
      .setEncoding('latin1')
      .on('data', (text: string) => (answer += text))
      .on('close', () => resolve(answer))
      .on('error', () => resolve(answer));
    socket.setTimeout(5_000, () => socket.destroy());
  });
}
