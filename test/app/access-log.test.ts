import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LineSink } from '../../src/access-log.ts';
import { call } from '../support/call.ts';
import { closing, FIXED_TOKEN, startCustomProxy } from '../support/custom-proxy.ts';
import { fakeUpstream } from '../support/fake-upstream.ts';
import { dial } from '../support/wire.ts';

type Line = Readonly<Record<string, unknown>>;

const PAGE = readFileSync('docs/operating.md', 'utf8');

describe('the access log', () => {
  const keep = closing();
  const start = async (access: object, room = Infinity) => {
    const texts: string[] = [];
    const lines: LineSink = {
      write: (line) => (texts.length < room ? texts.push(line) > 0 : false),
      close: () => Promise.resolve(),
    };
    const upstream = await keep(
      fakeUpstream((request, response, body) => {
        response.setHeader('x-request-id', 'req_vendor1');
        if (request.url === '/hang') return;
        if (request.url === '/cut') {
          response.writeHead(200, { 'content-length': 100 }).write('begins', () => response.destroy());
          return;
        }
        response.writeHead(request.url!.includes('500') ? 500 : 200).end(`got ${body.length}`);
      }),
    );
    const proxy = await keep(
      startCustomProxy(
        {
          log: { access },
          routes: [
            { prefix: '/a', upstream: upstream.url, account: 'fixed' },
            { prefix: '/down', upstream: 'http://127.0.0.1:1', account: 'fixed' },
          ],
        },
        { access: { lines, paint: undefined } },
      ),
    );
    return { proxy, texts, lines: (): Line[] => texts.map((text) => JSON.parse(text) as Line) };
  };

  it('has one line for each request, with what it was, whose error, and where its time went', async () => {
    const { proxy, lines, texts } = await start({ requests: 'all' });
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    await call(proxy.url, '/a/x?q=1', {
      method: 'POST',
      body: 'hello',
      headers: { 'x-request-id': 'one', traceparent },
    });
    await call(proxy.url, '/a/500', { headers: { 'x-request-id': 'two' } });
    await call(proxy.url, '/down/x', { headers: { 'x-request-id': 'three' } });
    await call(proxy.url, '/nowhere', { headers: { 'x-request-id': 'four' } });
    const broken = await dial(proxy.url);
    broken.socket.write('NOT HTTP\r\n\r\n');
    await broken.closed();
    const [one, two, three, four, five] = lines();
    assert.match(String(one!['@timestamp']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.deepEqual(
      ['http.request.id', 'trace.id', 'http.request.method', 'url.path', 'url.query', 'tokenward.route'].map(
        (name) => one![name],
      ),
      ['one', '4bf92f3577b34da6a3ce929d0e0e4736', 'POST', '/a/x', undefined, '/a'],
    );
    assert.deepEqual(
      [one!['tokenward.account'], one!['tokenward.generation'], one!['tokenward.attempts'], one!['client.address']],
      ['fixed', 1, 1, '127.0.0.1'],
    );
    assert.deepEqual(
      [one!['http.request.body.bytes'], one!['http.response.body.bytes'], one!['tokenward.upstream_request_id']],
      [5, 5, 'req_vendor1'],
    );
    assert.ok(Number(one!['event.duration']) / 1e6 >= Number(one!['tokenward.upstream_ms']));
    assert.deepEqual(
      [one, two, three, four, five].map((line) => [
        line!['http.response.status_code'],
        line!['event.outcome'],
        line!['error.code'],
        line!['tokenward.error_source'],
      ]),
      [
        [200, 'success', undefined, undefined],
        [500, 'failure', undefined, 'upstream'],
        [502, 'failure', 'upstream_unreachable', 'upstream'],
        [404, 'failure', 'route_unknown', 'client'],
        [400, 'failure', 'request_malformed', 'client'],
      ],
    );
    assert.equal(texts.length, 5);
    for (const text of texts) assert.match(text, /^\{[\x20-\x7e]*\}\n$/);
    const explained = lines().flatMap((line) => Object.keys(line).filter((name) => !PAGE.includes(`\`${name}\``)));
    assert.deepEqual([...new Set(explained)], []);
  });

  it('tells of a client that leaves, and of an upstream that breaks off', async () => {
    const { proxy, lines } = await start({ requests: 'errors' });
    const leaving = await dial(proxy.url);
    leaving.socket.write('GET /a/hang HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
    await sleep(100);
    leaving.socket.destroy();
    for (let wait = 0; lines().length < 1 && wait < 50; wait += 1) await sleep(20);
    await assert.rejects(call(proxy.url, '/a/cut'));
    assert.deepEqual(
      lines().map((line) => [line['http.response.status_code'], line['tokenward.error_source'], line['event.outcome']]),
      [
        [499, 'client', 'failure'],
        [200, 'upstream', 'failure'],
      ],
    );
  });

  it('has only failed requests, unless it is told otherwise', async () => {
    const { proxy, lines } = await start({});
    for (const target of ['/a/x', '/a/500', '/a/y']) await call(proxy.url, target);
    assert.deepEqual(
      lines().map((line) => line['url.path']),
      ['/a/500'],
    );
    const none = await start({ requests: 'none' });
    await call(none.proxy.url, '/a/500');
    assert.deepEqual(none.texts, []);
    const sampled = await start({ requests: 'all', sample: 0 });
    for (const target of ['/a/x', '/a/500', '/a/y']) await call(sampled.proxy.url, target);
    assert.equal(sampled.texts.length, 1);
  });

  it('counts what it drops, and the log says so once', async () => {
    const limited = await start({ requests: 'all', perSecond: 2 });
    for (let index = 0; index < 30; index += 1) await call(limited.proxy.url, '/a/x');
    assert.ok(limited.texts.length < 30);
    const full = await start({ requests: 'all' }, 1);
    for (let index = 0; index < 3; index += 1) await call(full.proxy.url, '/a/x');
    const { text } = await call(full.proxy.operatorUrl, '/metrics');
    assert.match(text, /^tokenward_access_lines_dropped_total\{reason="backlog"\} 2$/m);
    assert.match(text, /^tokenward_access_lines_dropped_total\{reason="limit"\} 0$/m);
    assert.equal(full.proxy.lines.filter((line) => line.includes('access lines are dropped')).length, 1);
  });

  it('holds no secret of a target', async () => {
    const { proxy, texts, lines } = await start({ requests: 'all', query: true });
    const jwt = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln';
    for (const target of [
      `/a/x?access_token=first-s3cret&page=2&api%5Fkey=second-s3cret&sig=third-s3cret`,
      `/a/bot123456789:AAfourth-s3cret-abcdefghijkl/sendMessage`,
      `/a/${jwt}/x?y=${jwt}`,
      `/a/${'s3cret'.repeat(20)}/x?${'s3cret'.repeat(20)}`,
      `/a/${FIXED_TOKEN}/x?y=${FIXED_TOKEN}`,
      `/a/${Array.from({ length: 400 }, () => 'long').join('/')}`,
    ])
      assert.equal((await call(proxy.url, target)).status, 200, target);
    const all = texts.join('');
    for (const secret of ['s3cret', jwt.slice(4), FIXED_TOKEN]) assert.ok(!all.includes(secret), secret);
    assert.equal(lines()[0]!['url.query'], 'access_token=***&page=2&api%5Fkey=***&sig=***');
    assert.ok(Math.max(...texts.map(({ length }) => length)) < 2_000);
  });
});
