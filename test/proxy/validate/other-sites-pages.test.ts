import assert from 'node:assert/strict';
import { SiteGuard } from '../../../src/http/server/site-guard.ts';
import { keyDigest } from '../../../src/proxy/caller.ts';
import type { ConfigObject } from '../../support/proxy.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';
import { dial } from '../../support/wire.ts';

const KEY = 'kEy-of-the-batch-job-2b1f60';

/**
 * The error code of the answer to a request with these fields, or its status; once through each reader of the listener.
 */
async function answersTo(base: string, method: string, fields: readonly string[]): Promise<string[]> {
  const text = `${method} /api/a HTTP/1.1\r\n${fields.map((field) => `${field.replaceAll('PORT', new URL(base).port)}\r\n`).join('')}Connection: close\r\n\r\n`;
  const answers: string[] = [];
  // Its first byte alone is no plain request: node:http reads it then.
  for (const pieces of [[text], [text.slice(0, 1), text.slice(1)]]) {
    const line = await dial(base);
    for (const piece of pieces) {
      line.socket.write(piece);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const answer = await line.closed();
    answers.push(/^x-tokenward-error: (\S+)/im.exec(answer)?.[1] ?? answer.slice(9, 12));
  }
  return answers;
}

describe('with callers: none, a page of another site', () => {
  const close = closing();

  async function stage(listen: ConfigObject = {}, more: ConfigObject = {}) {
    const upstream = await close(fakeUpstream());
    const proxy = await close(
      startCustomProxy({
        listen: { hosts: [], ...listen },
        routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed' }],
        ...more,
      }),
    );
    return { upstream, proxy };
  }

  const REFUSED: readonly (readonly [method: string, fields: readonly string[], code: string])[] = [
    [
      'POST',
      [
        'Host: 127.0.0.1:PORT',
        'Origin: https://evil.example',
        'Sec-Fetch-Site: cross-site',
        'Content-Type: text/plain',
        'Content-Length: 0',
      ],
      'cross_site_refused',
    ],
    ['POST', ['Host: 127.0.0.1:PORT', 'Origin: https://evil.example', 'Content-Length: 0'], 'cross_site_refused'],
    [
      'OPTIONS',
      ['Host: 127.0.0.1:PORT', 'Origin: https://evil.example', 'Access-Control-Request-Method: DELETE'],
      'cross_site_refused',
    ],
    ['GET', ['Host: 127.0.0.1:PORT', 'Sec-Fetch-Site: cross-site'], 'cross_site_refused'],
    ['GET', ['Host: 127.0.0.1:PORT', 'Sec-Fetch-Site: same-site'], 'cross_site_refused'],
    ['GET', ['Host: 127.0.0.1:PORT', 'Sec-Fetch-Site: something'], 'cross_site_refused'],
    ['GET', ['Host: 127.0.0.1:PORT', 'Sec-Fetch-Site: none', 'sec-fetch-site: cross-site'], 'cross_site_refused'],
    ['GET', ['Host: 127.0.0.1:PORT', 'Origin: null'], 'cross_site_refused'],
    ['GET', ['Host: 127.0.0.1:PORT', 'Origin: '], 'cross_site_refused'],
    // Another program's page on this host.
    ['GET', ['Host: 127.0.0.1:PORT', 'Origin: http://127.0.0.1:3000'], 'cross_site_refused'],
    ['GET', ['Host: 127.0.0.1:PORT', 'Origin: http://localhost:PORT'], 'cross_site_refused'],
    [
      'GET',
      ['Host: 127.0.0.1:PORT', 'Origin: http://127.0.0.1:PORT', 'Origin: https://evil.example'],
      'cross_site_refused',
    ],
    [
      'GET',
      ['Host: 127.0.0.1:PORT', 'Origin: http://127.0.0.1:PORT', 'Sec-Fetch-Site: cross-site'],
      'cross_site_refused',
    ],
    ['GET', ['Host: 127.0.0.1:99999', 'Origin: http://127.0.0.1:PORT'], 'cross_site_refused'],
    // A name that its owner has pointed here: origin and host agree.
    [
      'POST',
      [
        'Host: evil.example:PORT',
        'Origin: http://evil.example:PORT',
        'Sec-Fetch-Site: same-origin',
        'Content-Length: 0',
      ],
      'host_refused',
    ],
    ['GET', ['Host: evil.example'], 'host_refused'],
    ['GET', ['Host: localhost.evil.example'], 'host_refused'],
    ['GET', ['Host: 127.0.0.1.evil.example'], 'host_refused'],
    ['GET', ['Host: 2130706433'], 'host_refused'],
  ];
  for (const [method, fields, code] of REFUSED) {
    it(`cannot use the accounts: ${method} with ${fields.join(', ')}`, async () => {
      const { upstream, proxy } = await stage();
      assert.deepEqual(await answersTo(proxy.url, method, fields), [code, code]);
      assert.equal(upstream.seen.length, 0);
    });
  }

  for (const fields of [
    ['Host: 127.0.0.1:PORT'],
    ['Host: 127.0.0.1'],
    ['Host: localhost:PORT'],
    ['Host: LocalHost'],
    ['Host: localhost.'],
    ['Host: [::1]:PORT'],
    ['Host: 10.1.2.3:80'],
    ['Host: 127.0.0.1:PORT', 'Origin: http://127.0.0.1:PORT', 'Sec-Fetch-Site: same-origin'],
    ['Host: 127.0.0.1:PORT', 'Sec-Fetch-Site: none'],
    ['Host: localhost:PORT', 'Origin: http://localhost:PORT'],
    // Node's fetch.
    ['Host: 127.0.0.1:PORT', 'Sec-Fetch-Mode: cors'],
  ]) {
    it(`is no program: ${fields.join(', ')} passes`, async () => {
      const { upstream, proxy } = await stage();
      assert.deepEqual(await answersTo(proxy.url, 'GET', fields), ['200', '200']);
      assert.equal(upstream.seen.length, 2);
    });
  }

  it('is known again on a connection that a program has used before', async () => {
    const { upstream, proxy } = await stage();
    const line = await dial(proxy.url);
    line.socket.write('GET /api/a HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await line.until(/200 OK[^]*\r\n\r\n/);
    line.socket.write('GET /api/a HTTP/1.1\r\nHost: evil.example\r\n\r\n');
    await line.until(/host_refused/);
    line.socket.destroy();
    assert.equal(upstream.seen.length, 1);
  });

  it('is told from one whose host listen.hosts names', async () => {
    const { proxy } = await stage({ hosts: ['Tools.internal'] });
    assert.deepEqual(await answersTo(proxy.url, 'GET', ['Host: tools.INTERNAL:8080']), ['200', '200']);
    assert.deepEqual(
      await answersTo(proxy.url, 'GET', [
        'Host: 127.0.0.1:PORT',
        'Origin: https://tools.internal',
        'Sec-Fetch-Site: cross-site',
      ]),
      ['200', '200'],
    );
    assert.deepEqual(await answersTo(proxy.url, 'GET', ['Host: a.tools.internal']), ['host_refused', 'host_refused']);
  });

  it('is refused under any Host too where "*" lets every name pass', async () => {
    const { proxy } = await stage({ hosts: ['*'] });
    assert.deepEqual(await answersTo(proxy.url, 'GET', ['Host: proxy.example']), ['200', '200']);
    assert.deepEqual(await answersTo(proxy.url, 'GET', ['Host: proxy.example', 'Origin: https://evil.example']), [
      'cross_site_refused',
      'cross_site_refused',
    ]);
  });
});

describe('with callers who show a key', () => {
  const close = closing();

  it('host and origin are not judged', async () => {
    const upstream = await close(fakeUpstream());
    const proxy = await close(
      startCustomProxy({
        listen: { hosts: [] },
        callers: [{ name: 'page', key: keyDigest(KEY) }],
        routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed' }],
      }),
    );
    assert.deepEqual(
      await answersTo(proxy.url, 'GET', [
        'Host: proxy.example',
        'Origin: https://evil.example',
        'Sec-Fetch-Site: cross-site',
        `X-Tokenward-Key: ${KEY}`,
      ]),
      ['200', '200'],
    );
  });
});

describe('an Origin that is no URL', () => {
  it('is that of another site, also once the check is compiled', () => {
    const guard = new SiteGuard([], '127.0.0.1');
    // Node 20's compiled URL.canParse takes the second for a URL, and `new URL` throws at it.
    for (const origin of ['null', 'http://\xd0\x98/', 'http://'])
      for (let times = 0; times < 20_000; times += 1)
        assert.equal(guard.isCrossSite('127.0.0.1:8080', origin, undefined), true);
  });
});

describe('listen.requireHeader', () => {
  const close = closing();

  for (const callers of ['none', [{ name: 'batch', key: keyDigest(KEY) }]]) {
    it(`is asked for with callers: ${callers === 'none' ? 'none' : 'a list'}, with any value, and goes no further`, async () => {
      const upstream = await close(fakeUpstream());
      const proxy = await close(
        startCustomProxy({
          listen: { requireHeader: 'X-Our-Request' },
          callers,
          routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed' }],
        }),
      );
      const own = ['Host: 127.0.0.1', `X-Tokenward-Key: ${KEY}`];
      for (const fields of [own, [...own, 'X-Our-Request:'], [...own, 'X_Our_Request: 1']]) {
        assert.deepEqual(
          await answersTo(proxy.url, 'GET', fields),
          ['required_header_missing', 'required_header_missing'],
          fields.join(),
        );
      }
      assert.deepEqual(await answersTo(proxy.url, 'GET', [...own, 'x-our-request: true']), ['200', '200']);
      assert.equal(upstream.seen.length, 2);
      assert.ok(upstream.seen.every(({ rawHeaders }) => !rawHeaders.some((text) => /our.request/i.test(text))));
    });
  }
});
