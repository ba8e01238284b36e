import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer, get, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text as readText } from 'node:stream/consumers';
import { call } from '../support/call.ts';
import { Canaries } from '../support/canary.ts';
import { eventually } from '../support/eventually.ts';
import { freshFolder, writeConfig } from '../support/files.ts';
import { run } from '../support/process.ts';
import { requireBuild } from '../support/tools.ts';
import { startReading, type ReadProgram } from '../support/read-program.ts';

/** Letters and digits of each secret that are found nowhere else. */
const CORES = {
  password: 'cAnArYpassword1313',
  'client secret': 'cAnArYclientSecret2424',
  'access token': 'cAnArYaccessToken3535',
  'refresh token': 'cAnArYrefreshToken4646',
  'fixed token': 'cAnArYfixedToken5757',
  "a route's own header": 'cAnArYrouteHeader6868',
  'caller key': 'cAnArYcallerKey7979',
  'wrong caller key': 'cAnArYwrongCaller8080',
  'operator key': 'cAnArYoperatorKey9191',
  'wrong operator key': 'cAnArYwrongOperator0202',
  'store key': 'cAnArYstoreKey1919xxxxxxxxxxxxxx',
  'named parameter': 'cAnArYparameter2020',
  'other parameter': 'cAnArYlongParameter3131',
  'long segment': 'cAnArYlongSegment4242',
  'bot token': 'cAnArYbotToken5353',
  'bearer of the client': 'cAnArYbearer6464',
  'basic of the client': 'cAnArYbasic7575',
  cookie: 'cAnArYcookie8686',
  'other header': 'cAnArYheader9797',
  body: 'cAnArYbody0808',
} as const;
const canaries = new Canaries(CORES);
const CALLER_KEY = `k-${CORES['caller key']}`;
const OPERATOR_KEY = `o-${CORES['operator key']}`;
const STORE_KEY = Buffer.from(CORES['store key']).toString('base64');
const PASSWORD = `#${CORES.password}: $/'`;
/** Shorter than a canary: it stands in a path as a segment of its own. */
const SHORT = 'w9/q';
const digestOf = (key: string): string => `sha256:${createHash('sha256').update(key).digest('hex')}`;

const environment = {
  PASSWORD,
  SHORT,
  CLIENT_SECRET: CORES['client secret'],
  FIXED_TOKEN: CORES['fixed token'],
  ROUTE_HEADER: CORES["a route's own header"],
  STORE_KEY,
};

describe('no secret of a request gets out', function () {
  this.timeout(180_000);
  const folder = freshFolder();
  /** A token endpoint and an upstream. */
  let api: Server;
  let apiUrl: string;
  let program: ReadProgram | undefined;
  before(async () => {
    api = createServer((request, response) => {
      void readText(request).then(() => {
        if (request.url === '/token')
          return response.writeHead(200, { 'content-type': 'application/json' }).end(
            JSON.stringify({
              access_token: CORES['access token'],
              refresh_token: CORES['refresh token'],
              expires_in: 3600,
            }),
          );
        // What a vendor calls a request may quote what it was sent.
        const sent =
          request.headers.authorization?.split(' ')[1] ?? new URL(request.url!, apiUrl).searchParams.get('key');
        response.setHeader('x-request-id', `r-${sent}`);
        return response.writeHead(request.url!.includes('500') ? 500 : 200).end('fine');
      });
    });
    await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve));
    apiUrl = `http://127.0.0.1:${(api.address() as AddressInfo).port}`;
  });
  after(() => api.close());
  afterEach(() => program?.kill());

  const configuration = (format: string): Record<string, unknown> => ({
    listen: { host: '127.0.0.1', port: 0, forward: { tunnel: ['other.example'] } },
    operator: { host: '127.0.0.1', port: 0, key: digestOf(OPERATOR_KEY) },
    log: { level: 'trace', format, access: { requests: 'all', query: true } },
    shutdown: { drain: '1s' },
    store: { type: 'embedded', path: join(folder(), 'store'), key: '${STORE_KEY}' },
    callers: [{ name: 'tests', key: digestOf(CALLER_KEY) }],
    accounts: {
      partner: {
        flow: 'oauth2',
        credentials: { tokenUrl: `${apiUrl}/token`, clientId: 'client', clientSecret: '${CLIENT_SECRET}' },
      },
      gone: {
        flow: 'softline',
        baseUrl: 'http://127.0.0.1:1',
        credentials: { username: 'shop', password: '${PASSWORD}' },
      },
      fixed: { flow: 'static', credentials: { token: '${FIXED_TOKEN}' }, attach: { query: 'key' } },
      short: { flow: 'static', credentials: { token: '${SHORT}' } },
    },
    routes: [
      {
        prefix: '/partner',
        upstream: apiUrl,
        account: 'partner',
        headers: { 'x-partner-key': '${ROUTE_HEADER}' },
        policy: { allow: [{ methods: ['GET', 'POST'] }] },
      },
      { prefix: '/fixed', upstream: apiUrl, account: 'fixed' },
      { prefix: '/gone', upstream: apiUrl, account: 'gone' },
      { prefix: '/down', upstream: 'http://127.0.0.1:1', account: 'fixed' },
    ],
  });

  /** Requests with secrets wherever a client can put one. Gives back what was tokenward's own of the responses. */
  async function drive({ url, operatorUrl }: ReadProgram): Promise<string[]> {
    const ours: string[] = [];
    const encoded = encodeURIComponent(PASSWORD);
    const headers = {
      'x-tokenward-key': CALLER_KEY,
      authorization: `Bearer ${CORES['bearer of the client']}`,
      cookie: `a=1; session=${CORES.cookie}`,
      'x-whatever': CORES['other header'],
      'user-agent': `app/${CORES['other header']}`,
      referer: `http://127.0.0.1/?${CORES['other header']}`,
    };
    const send = async (target: string, method = 'GET', more: Record<string, string> = {}): Promise<void> => {
      const response = await call(url, target, {
        method,
        headers: { ...headers, ...more },
        ...(method === 'POST' && { body: CORES.body }),
      });
      ours.push(JSON.stringify(response.rawHeaders.filter((text) => !text.startsWith('r-'))));
      if (response.headers['x-tokenward-error'] !== undefined) ours.push(response.text);
    };
    const basic = {
      authorization: `Basic ${Buffer.from(`me:${CORES['basic of the client']}`).toString('base64')}`,
    };
    const segments = [
      CALLER_KEY,
      CORES['bearer of the client'],
      CORES.cookie,
      encoded,
      CORES['client secret'],
      CORES['fixed token'],
      CORES["a route's own header"],
      encodeURIComponent(STORE_KEY),
      `${CORES['long segment']}${'x'.repeat(60)}`,
      `bot123456789:AA${CORES['bot token']}`,
    ];
    const query = [
      `access_token=${CORES['named parameter']}`,
      `refresh_token=${CORES['refresh token']}`,
      `q=${CORES['other parameter']}${'x'.repeat(60)}`,
      ...segments.map((segment, index) => `p${index}=${segment}`),
    ].join('&');
    for (const route of ['/partner', '/fixed', '/gone', '/down', '/partner/500', '/nowhere']) {
      for (const segment of segments) await send(`${route}/${segment}/x`);
      await send(`${route}/x?${query}`, 'POST');
      await send(`${route}/${encodeURIComponent(SHORT)}/x?s=${encodeURIComponent(SHORT)}`);
    }
    await send(`/partner/${CORES['basic of the client']}`, 'GET', basic);
    await send(`/partner/${CORES['access token']}?a=${CORES['access token']}`);
    for (const segment of segments) await send(`/partner/v1/${segment}`, 'DELETE');
    await send('/partner/x', 'GET', { 'x-tokenward-key': `k-${CORES['wrong caller key']}` });
    // A host that no route names, in absolute form.
    const asProxy = { host: 'api.example', 'proxy-authorization': `Bearer ${CALLER_KEY}` };
    await send(`http://api.example/v1/${CORES.cookie}?key=${CORES['named parameter']}`, 'GET', asProxy);
    for (const key of [OPERATOR_KEY, `o-${CORES['wrong operator key']}`]) {
      const keyed = { 'x-tokenward-key': key };
      for (const [path, method] of [
        ['/session', 'POST'],
        ['/renew/partner', 'POST'],
        ['/reload', 'POST'],
        [`/renew/${encodeURIComponent(PASSWORD)}`, 'POST'],
      ] as const)
        ours.push((await call(operatorUrl, path, { method, headers: keyed })).text);
    }
    return ours;
  }

  for (const format of ['json', 'pretty'])
    it(`with log.format ${format}: into its lines, the operator port, its stream, or what commands print`, async function () {
      requireBuild(this);
      const file = writeConfig(folder(), configuration(format));
      program = await startReading(['serve', '-c', file], environment);
      const { operatorUrl } = program;
      let stream = '';
      get(`${operatorUrl}/events`, (response) => {
        response.setEncoding('utf8').on('data', (text: string) => (stream += text));
        response.on('error', () => undefined);
      }).on('error', () => undefined);
      const texts: Record<string, string> = { "tokenward's responses": (await drive(program)).join('\n') };
      await eventually('the stream tells of an incident', () => /"incidents":\[\{/.test(stream));
      texts['the stream'] = stream;
      for (const path of ['/', '/main.js', '/status', '/overview', '/accounts', '/metrics', '/readyz', '/session'])
        texts[path] = (await call(operatorUrl, path)).text;

      // Else nothing is proved.
      const { refused, incidents } = JSON.parse(texts['/status']!) as {
        refused: { kind: string; patch: string }[];
        incidents: unknown[];
      };
      assert.deepEqual([...new Set(refused.map(({ kind }) => kind))].sort(), ['host', 'policy', 'route']);
      assert.ok(refused.every(({ patch }) => patch !== ''));
      assert.ok(incidents.length > 0);

      const keyFile = join(folder(), 'operator-key');
      writeFileSync(keyFile, OPERATOR_KEY);
      const logFile = join(folder(), 'log');
      writeFileSync(logFile, program.stderr() + program.stdout());
      const operator = ['--operator', operatorUrl];
      const commands = [
        ['status', ...operator],
        ['status', 'gone', ...operator],
        ['status', '--json', ...operator],
        ['top', ...operator],
        ['renew', 'gone', '--operator-key-file', keyFile, ...operator],
        ['renew', '--all', '--operator-key-file', keyFile, ...operator],
        [
          'explain',
          'POST',
          '/partner/x',
          '--header',
          `Authorization: Bearer ${CORES['bearer of the client']}`,
          '-c',
          file,
        ],
        ['explain', '/fixed/x', '--json', '--header', `Cookie: a=${CORES.cookie}`, '-c', file],
        ['check', '-c', file],
        ['check', '--json', '-c', file],
        ['logs', logFile],
        ['logs', '--json', '--route', '/gone', logFile],
      ];
      for (const args of commands) {
        const { stdout, stderr } = await run(args, { env: environment });
        if (!args.includes('logs')) assert.notEqual(stdout + stderr, '', args.join(' '));
        texts[args.filter((arg) => !arg.includes('cAnArY')).join(' ')] = stdout + stderr;
      }
      assert.equal(await program.end(), 0);
      Object.assign(texts, { 'the log': program.stderr(), 'the access log': program.stdout() });
      for (const part of ['DEBUG', 'debug']) if (texts['the log']!.includes(part)) texts['level'] = part;
      assert.ok('level' in texts, 'the log is not at trace level');
      const lines = texts['the access log']!.trimEnd().split('\n');
      assert.ok(lines.length > 60, `${lines.length} access lines`);
      assert.ok(lines.some((line) => line.includes('/partner/***/x')));

      assert.deepEqual(canaries.find(texts), []);
      for (const [where, text] of Object.entries(texts))
        for (const spelling of [SHORT, encodeURIComponent(SHORT)])
          assert.ok(!text.includes(spelling), `the short secret is in ${where}`);
    });
});
