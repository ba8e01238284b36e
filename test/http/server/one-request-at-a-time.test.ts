import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../../support/eventually.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';
import { dial } from '../../support/wire.ts';

const get = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: proxy\r\n${more}\r\n`;
const post = (path: string, more = ''): string =>
  `POST ${path} HTTP/1.1\r\nHost: proxy\r\n${more}Content-Length: 2\r\n\r\nhi`;
const chunked = (path: string): string =>
  `POST ${path} HTTP/1.1\r\nHost: proxy\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n`;

/** What the heads and bodies of a stream of responses say, as a strict client reads it. */
function responses(text: string): string[] {
  const all: string[] = [];
  for (let rest = text; rest !== '';) {
    const end = rest.indexOf('\r\n\r\n');
    assert.match(rest, /^HTTP\/1\.1 \d{3} /, `no response begins here: ${rest.slice(0, 60)}`);
    assert.notEqual(end, -1);
    const length = Number(/^content-length: (\d+)/im.exec(rest.slice(0, end))?.[1] ?? 0);
    all.push(`${rest.slice(9, 12)} ${rest.slice(end + 4, end + 4 + length)}`.trim());
    rest = rest.slice(end + 4 + length);
  }
  return all;
}

describe('requests sent ahead on a connection', () => {
  const close = closing();

  /** An upstream that answers with the target, the first one late. */
  async function stage(config: Parameters<typeof startCustomProxy>[0] = {}) {
    const upstream = await close(
      fakeUpstream(async (request, response) => {
        if (request.url!.endsWith('first')) await sleep(60);
        response.setHeader('Content-Length', Buffer.byteLength(request.url!));
        response.end(request.url);
      }),
    );
    const proxy = await close(
      startCustomProxy({ routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed' }], ...config }),
    );
    return { upstream, proxy, targets: () => upstream.seen.map(({ target }) => target) };
  }

  it('with an expectation among them get whole answers, each in its place, with 100 Continue in front of its own', async () => {
    const { proxy } = await stage();
    for (let i = 0; i < 10; i += 1) {
      const line = await dial(proxy.url);
      // Its half stays open: a closed one is asked by further 100s, on a busy machine, whether the client is there.
      line.socket.write(
        get('/api/first') +
          post('/api/second', 'Expect: 100-continue\r\n') +
          get('/api/third', 'Connection: close\r\n'),
      );
      assert.deepEqual(responses(await line.closed()), ['200 /first', '100', '200 /second', '200 /third']);
    }
  });

  it('do not overtake each other, whatever reads them', async () => {
    const { upstream, proxy, targets } = await stage();
    for (const first of [chunked('/api/first'), post('/api/first'), get('/api/first')]) {
      upstream.seen.length = 0;
      const line = await dial(proxy.url);
      line.socket.write(`${first}DELETE /api/2 HTTP/1.1\r\nHost: proxy\r\n\r\n${chunked('/api/3')}${post('/api/4')}`);
      await line.until(/\/4$/);
      line.socket.destroy();
      assert.deepEqual(targets(), ['/first', '/2', '/3', '/4']);
      assert.deepEqual(responses(line.received()), ['200 /first', '200 /2', '200 /3', '200 /4']);
    }
  });

  it('take one slot, however many they are: others go on', async () => {
    const { proxy, targets } = await stage({ limits: { inFlight: 20 } });
    const line = await dial(proxy.url);
    line.socket.write(get('/api/first').repeat(2_000));
    await eventually('the first is under way', () => targets().length > 0);
    for (let i = 0; i < 10; i += 1) assert.equal((await fetch(`${proxy.url}/api/other`)).status, 200);
    line.socket.destroy();
  });

  it('are all answered in the end, more than a connection is read ahead', async () => {
    const { proxy } = await stage();
    const line = await dial(proxy.url);
    line.socket.write(
      Array.from({ length: 3_000 }, (_, i) => get(`/api/${i}`)).join('') + get('/api/end', 'Connection: close\r\n'),
    );
    const all = responses(await line.closed());
    assert.deepEqual(all, [...Array.from({ length: 3_000 }, (_, i) => `200 /${i}`), '200 /end']);
  });

  it('behind one that is the last of its connection are not carried out', async () => {
    const { upstream, proxy, targets } = await stage();
    for (const value of ['close', 'close, keep-alive', 'keep-alive, close', 'Close , Keep-Alive', 'x,close']) {
      for (const warm of ['', chunked('/api/warm')]) {
        upstream.seen.length = 0;
        const line = await dial(proxy.url);
        line.socket.write(warm + get('/api/last', `Connection: ${value}\r\n`) + post('/api/pay'));
        const answers = responses(await line.closed());
        assert.equal(answers.at(-1), '200 /last', value);
        assert.ok(!targets().includes('/pay'), value);
      }
    }
  });

  it('are refused where one of them is malformed, behind the answers to those before it', async () => {
    const { upstream, proxy, targets } = await stage();
    const bad = 'GET /api/x HTTP/1.1\r\nHost: proxy\r\nbad field\r\n\r\n';
    const badBody = 'POST /api/x HTTP/1.1\r\nHost: proxy\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n';
    for (const end of [bad, badBody]) {
      upstream.seen.length = 0;
      const line = await dial(proxy.url);
      line.socket.write(get('/api/first') + get('/api/second') + end + post('/api/pay'));
      assert.deepEqual(
        responses(await line.closed()).map((answer) => answer.slice(0, 12)),
        ['200 /first', '200 /second', '400 {"type":'],
      );
      assert.deepEqual(targets(), ['/first', '/second']);
    }
  });
});

describe('100 Continue', () => {
  const close = closing();

  it('is sent only to those whose body is wanted', async () => {
    const upstream = await close(fakeUpstream());
    const proxy = await close(
      startCustomProxy({
        routes: [
          {
            prefix: '/api',
            upstream: upstream.url,
            account: 'fixed',
            maxBody: 1_000,
            policy: { deny: [{ path: '/no' }] },
          },
        ],
      }),
    );
    const ask = async (path: string, length: number): Promise<string> => {
      const line = await dial(proxy.url);
      line.socket.write(
        `POST ${path} HTTP/1.1\r\nHost: proxy\r\nExpect: 100-continue\r\nContent-Length: ${length}\r\n\r\n`,
      );
      const text = await line.until(/^HTTP\/1\.1 \d{3}/);
      if (text.includes(' 100 ')) {
        line.socket.write('x'.repeat(length));
        await line.until(/fine$/);
      }
      line.socket.destroy();
      return text.slice(9, 12);
    };
    assert.deepEqual(
      await Promise.all([ask('/api/a', 10), ask('/api/no', 10), ask('/nowhere', 10), ask('/api/a', 2_000)]),
      ['100', '403', '404', '413'],
    );
    assert.deepEqual(
      upstream.seen.map(({ body }) => body),
      ['x'.repeat(10)],
    );
  });
});

describe('many requests sent ahead by a client that closes its sending half', () => {
  const close = closing();

  for (const [what, first] of [
    ['a plain one', get('/api/first')],
    ['a chunked one', chunked('/api/first')],
  ] as const) {
    it(`are all answered, however they are cut into packets: behind ${what}`, async () => {
      const upstream = await close(
        fakeUpstream(async (request, response) => {
          if (request.url!.endsWith('first')) await sleep(60);
          response.setHeader('Content-Length', Buffer.byteLength(request.url!));
          response.end(request.url);
        }),
      );
      const proxy = await close(
        startCustomProxy({ routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed' }] }),
      );
      const rest = Array.from({ length: 150 }, (_, i) => get(`/api/${i}`)).join('');
      const all = ['200 /first', ...Array.from({ length: 150 }, (_, i) => `200 /${i}`)];
      for (const cuts of [[], [0], [1_000, 1_003], [37, 900, 4_000], [rest.length - 1]]) {
        const line = await dial(proxy.url);
        line.socket.write(cuts.length === 0 ? first + rest : first);
        [...cuts, rest.length].reduce((from, to) => {
          if (cuts.length > 0) setTimeout(() => line.socket.write(rest.slice(from, to)), 20);
          return to;
        }, 0);
        setTimeout(() => line.socket.end(), 25);
        assert.deepEqual(
          responses(await line.closed()).filter((one) => one !== '100'),
          all,
          cuts.join(),
        );
      }
    });
  }
});

describe('far too many requests sent ahead', () => {
  const close = closing();

  for (const [what, first] of [
    ['at once', ''],
    ['behind one with a length', post('/api/hold')],
    ['behind a chunked one', chunked('/api/hold')],
  ] as const) {
    it(`are not all made requests of at once: ${what}`, async () => {
      const upstream = await close(
        fakeUpstream((request, response) => void (request.url === '/hold' || response.end('fine'))),
      );
      const proxy = await close(
        startCustomProxy({ routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed' }] }),
      );
      let made = 0;
      const count = (): void => void (made += 1);
      subscribe('http.server.request.start', count);
      try {
        const lines = await Promise.all(Array.from({ length: 20 }, () => dial(proxy.url)));
        for (const { socket } of lines) socket.write(first + get('/api/hold').repeat(1_500));
        await sleep(500);
        assert.ok(made > 20 && made < 20 * 200, String(made));
        for (const { socket } of lines) socket.destroy();
      } finally {
        unsubscribe('http.server.request.start', count);
      }
    });
  }
});
