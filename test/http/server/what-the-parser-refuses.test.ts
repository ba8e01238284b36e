import assert from 'node:assert/strict';
import { metric } from '../../support/call.ts';
import { closing, startCustomProxy } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';
import { dial } from '../../support/wire.ts';

interface Document {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail?: string;
  readonly advice: string;
}

/**
 * What is not HTTP, or more of it than is taken: the bytes (each string a packet), the status and code, and words of
 * the detail.
 */
const CASES: readonly (readonly [string, readonly string[], number, string, RegExp])[] = [
  // Elsewhere they are encoded. Here it is not to be seen where the second request begins.
  [
    'letters beyond ASCII in a target, in one packet behind a body',
    [
      'POST /api HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /api/\xd0\x98 HTTP/1.1\r\nHost: x\r\n\r\n',
    ],
    400,
    'request_malformed',
    /a byte of the target must be percent-encoded.*beyond ASCII/,
  ],
  [
    'a control byte in a path',
    ['GET /api/\x01canary HTTP/1.1\r\nHost: x\r\n\r\n'],
    400,
    'request_malformed',
    /must be percent-encoded/,
  ],
  [
    'a space in a path',
    ['GET /api/a canary HTTP/1.1\r\nHost: x\r\n\r\n'],
    400,
    'request_malformed',
    /a space in the target must be percent-encoded/,
  ],
  ['a target that is no path', ['GET canary HTTP/1.1\r\nHost: x\r\n\r\n'], 400, 'request_malformed', /not a path/],
  ['no method of HTTP', ['CANARY / HTTP/1.1\r\nHost: x\r\n\r\n'], 400, 'request_malformed', /method/],
  ['another version', ['GET /api HTTP/1.7\r\nHost: x\r\n\r\n'], 400, 'request_malformed', /HTTP\/1\.1/],
  ['HTTP/2', ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'], 400, 'request_malformed', /HTTP\/1\.1/],
  ['TLS', ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03canary'], 400, 'request_malformed', /without TLS/],
  [
    'a space before a colon',
    ['GET /api HTTP/1.1\r\nHost: x\r\nCanary : 1\r\n\r\n'],
    400,
    'request_malformed',
    /header field/,
  ],
  [
    'two lengths',
    ['POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'],
    400,
    'request_malformed',
    /Content-Length/,
  ],
  [
    'length and chunks',
    ['POST /api HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n'],
    400,
    'request_malformed',
    /Transfer-Encoding/,
  ],
  [
    'a malformed chunk',
    ['POST /api HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\ncanary\r\n'],
    400,
    'request_malformed',
    /chunk/,
  ],
  ['a line that ends in LF', ['GET /api HTTP/1.1\nHost: x\n\n'], 400, 'request_malformed', /CR LF/],
  [
    'a target longer than a head',
    [`GET /api/${'canary'.repeat(4_000)} HTTP/1.1\r\nHost: x\r\n\r\n`],
    414,
    'target_too_long',
    /limits\.headerBytes/,
  ],
  [
    'the same in two packets',
    [`GET /api/${'canary'.repeat(2_000)}`, `${'canary'.repeat(2_000)} HTTP/1.1\r\nHost: x\r\n\r\n`],
    414,
    'target_too_long',
    /16384 bytes/,
  ],
  ['the same without its end', [`GET /api/${'canary'.repeat(4_000)}`], 414, 'target_too_long', /16384 bytes/],
  [
    'a target longer than 8 KiB',
    [`GET /api/${'x'.repeat(9_000)} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`],
    414,
    'target_too_long',
    /8 KiB/,
  ],
  [
    'a field that is too long',
    [`GET /api HTTP/1.1\r\nHost: x\r\nA: ${'canary'.repeat(4_000)}\r\n\r\n`],
    431,
    'headers_too_large',
    /limits\.headerBytes/,
  ],
  [
    'the same in two packets, after a good request',
    [
      'GET /api HTTP/1.1\r\nHost: x\r\n\r\n',
      `GET /api HTTP/1.1\r\nHost: x\r\nA: ${'canary'.repeat(1_500)}`,
      `${'canary'.repeat(2_000)}\r\n\r\n`,
    ],
    431,
    'headers_too_large',
    /16384 bytes/,
  ],
];

describe('what the parser refuses', () => {
  const close = closing();

  for (const [name, packets, status, code, detail] of CASES) {
    it(`${name}: ${status} ${code}, with title, detail and advice, and nothing of the request in them`, async () => {
      const upstream = await close(fakeUpstream());
      const proxy = await close(
        startCustomProxy({ routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed' }] }),
      );
      const line = await dial(proxy.url);
      for (const packet of packets) {
        line.socket.write(packet, 'latin1');
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      const text = await line.closed();
      const last = text.slice([...text.matchAll(/HTTP\/1\.1 \d/g)].at(-1)!.index);
      const [head, body] = last.split('\r\n\r\n') as [string, string];
      assert.match(head, new RegExp(`^HTTP/1\\.1 ${status} [A-Z]`));
      assert.match(head, /content-type: application\/problem\+json/i);
      assert.match(head, /cache-control: no-store/i);
      assert.match(head, /connection: close/i);
      assert.ok(head.toLowerCase().includes(`x-tokenward-error: ${code}`), head);
      assert.ok(head.toLowerCase().includes(`content-length: ${body.length}`));
      const document = JSON.parse(body) as Document;
      assert.deepEqual([document.status, document.code, document.type], [status, code, `urn:tokenward:error:${code}`]);
      assert.ok(document.title.length > 10 && document.advice.length > 10);
      assert.match(document.detail ?? '', detail);
      assert.doesNotMatch(body, /canary/i);
      assert.equal(await metric(proxy.operatorUrl, 'tokenward_errors_total', { reason: code }), 1);
    });
  }
});
