import assert from 'node:assert/strict';
import { closing, FIXED_TOKEN, startCustomProxy } from '../../support/custom-proxy.ts';
import { dial, tcpServer } from '../../support/wire.ts';

const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n';
const TE = 'TE: trailers\r\nConnection: TE\r\n';

for (const engine of ['fast', 'express'] as const)
  describe(`a client of the ${engine} engine`, () => {
    const close = closing();

    /** What the client reads, and what the upstream got. */
    async function exchange(
      answer: string | readonly string[],
      fields: string,
      { route = {}, method = 'GET', version = '1.1' } = {},
    ): Promise<{ got: string; seen: string }> {
      let seen = '';
      const upstream = await close(
        tcpServer((socket) => {
          socket.setEncoding('latin1').on('data', (text: string) => {
            seen += text;
            if (!seen.endsWith('\r\n\r\n')) return;
            // One after the other: timers of several lengths may change places on a busy machine.
            const next = ([piece, ...rest]: readonly string[]): void => {
              socket.write(piece!);
              if (rest.length > 0) setTimeout(next, 20, rest);
            };
            next([answer].flat());
          });
        }),
      );
      const routes = [{ prefix: '/a', upstream: upstream.url, account: 'fixed', ...route }];
      const proxy = await close(startCustomProxy({ listen: { engine }, routes }));
      const line = await dial(proxy.url);
      line.socket.write(`${method} /a/x HTTP/${version}\r\nHost: proxy\r\n${fields}\r\n`);
      const got = await line
        .until(/the end|\r\n0\r\n(?:[^\r]+\r\n)*\r\n$|Length: 0\r\n[^]*\r\n\r\n$/i)
        .catch((error: unknown) => String(error));
      line.socket.destroy();
      return { got, seen };
    }

    const CHECKSUM = `${CHUNKED}Trailer: X-Checksum, X-Other\r\n\r\n3\r\nabc\r\n0\r\nX-Checksum: 900150\r\n\r\n`;

    for (const [how, answer] of [
      ['in one piece', CHECKSUM],
      ['in many', [...CHECKSUM]],
    ] as const)
      it(`that takes trailer fields gets those that the response announces, ${how}`, async () => {
        const { got, seen } = await exchange(answer, TE);
        assert.match(got, /\r\ntrailer: X-Checksum, X-Other\r\n/i);
        assert.match(got, /\r\n0\r\nX-Checksum: 900150\r\n\r\n$/);
        assert.match(seen, /\r\nconnection: keep-alive, te\r\nte: trailers\r\n/);
        assert.equal(seen.match(/^(?:connection|te):/gim)?.length, 2);
      });

    for (const [what, fields, options] of [
      ['does not ask for them', '', {}],
      ['asks for them, but not of this connection', 'TE: trailers\r\n', {}],
      ['lists TE without it', 'TE: gzip\r\nConnection: TE\r\n', {}],
      ['asks in HTTP/1.0', TE, { version: '1.0' }],
    ] as const)
      it(`that ${what} gets none`, async () => {
        const { got, seen } = await exchange([CHECKSUM, 'the end'], fields, options);
        assert.match(got, /abc/);
        assert.doesNotMatch(got, /checksum/i);
        assert.doesNotMatch(seen, /^te:/im);
      });

    for (const [what, announced, sent] of [
      ['was not announced', 'X-A', 'X-B: 1'],
      ['frames messages', 'Content-Length, X-A', 'Content-Length: 7'],
      ['frames them with an underscore', 'Transfer_Encoding, X-A', 'Transfer_Encoding: chunked'],
      ['authenticates', 'Set-Cookie, WWW-Authenticate, X-A', 'Set-Cookie: a=b\r\nWWW-Authenticate: Basic'],
      ['routes', 'Host, Location, X-A', 'Host: x\r\nLocation: /b'],
      ['is ours', 'X-Tokenward-Error, X-A', 'X-Tokenward-Error: internal'],
      ['repeats the token', 'X-Secret, X-A', `X-Secret: ${FIXED_TOKEN}`],
    ] as const)
      it(`gets no trailer field that ${what}`, async () => {
        const { got } = await exchange(
          `${CHUNKED}Trailer: ${announced}\r\n\r\n3\r\nabc\r\n0\r\n${sent}\r\nX-A: kept\r\n\r\n`,
          TE,
        );
        const [, trailers] = /\r\n0\r\n([^]*)\r\n$/.exec(got) ?? [];
        assert.equal(trailers, announced === 'X-A' || announced.endsWith('X-A') ? 'X-A: kept\r\n' : '', got);
      });

    it('gets the announced fields of no response without a body', async () => {
      const { got } = await exchange(
        'HTTP/1.1 304 Not Modified\r\nTrailer: X-A\r\nTransfer-Encoding: chunked\r\nETag: "the end"\r\n\r\n',
        TE,
      );
      assert.match(got, /^HTTP\/1\.1 304/);
      assert.doesNotMatch(got, /trailer/i);
    });

    const HINTS = `HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nX-Leak: ${FIXED_TOKEN}\r\nConnection: close\r\n\r\n`;
    const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nthe end';
    const pass = { earlyHints: 'pass' };

    it('gets a 103 at once on a route that passes them, without what no response may have', async () => {
      const { got } = await exchange([HINTS, 'HTTP/1.1 102 Processing\r\n\r\n', OK], '', { route: pass });
      assert.match(got, /^HTTP\/1\.1 103 Early Hints\r\nLink: <\/a\.css>; rel=preload\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
      assert.ok(!got.includes(FIXED_TOKEN));
    });

    for (const [what, options] of [
      ['on any other route', {}],
      ['with HTTP/1.0', { route: pass, version: '1.0' }],
    ] as const)
      it(`gets no 103 ${what}`, async () => {
        const { got } = await exchange([HINTS, OK], '', options);
        assert.match(got, /^HTTP\/1\.[01] 200 OK\r\n/);
      });
  });
