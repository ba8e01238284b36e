import assert from 'node:assert/strict';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { flowSchema } from '../../src/flows/flow.ts';
import { PRESETS } from '../../src/flows/presets.ts';
import { runCall } from '../support/run-call.ts';
import { tokenCallSender } from '../../src/app/token-endpoint-client.ts';
import type { Outcome } from '../../src/tokens/credential.ts';
import { Authority } from '../support/certificates.ts';
import { freshFolder } from '../support/files.ts';
import { closing } from '../support/custom-proxy.ts';
import { fakeTlsUpstream } from '../support/fake-upstream.ts';
import { closedPort, httpServer, tcpServer } from '../support/wire.ts';

const oauth2 = PRESETS['oauth2']!;
const GRANT = JSON.stringify({ access_token: 'good-token', token_type: 'Bearer', expires_in: 3_600 });
const REFUSAL = JSON.stringify({ error: 'invalid_client', error_description: 'Клиент неизвестен' });

function login(url: string, tls = {}): Promise<Outcome> {
  return runCall(
    oauth2.login!,
    oauth2,
    undefined,
    { tokenUrl: `${url}/token`, clientId: 'c', clientSecret: 's', clientAuth: 'post' },
    tokenCallSender(tls, () => ''),
    () => Date.now(),
  );
}

function utf16(text: string, { big = false, mark = true } = {}): Buffer {
  const bytes = Buffer.from(`${mark ? '\ufeff' : ''}${text}`, 'utf16le');
  return big ? bytes.swap16() : bytes;
}

describe('an answer of a token endpoint as real servers send it', () => {
  const close = closing();

  async function answered(
    bytes: Buffer | string,
    headers: Record<string, string> = {},
    status = 200,
  ): Promise<Outcome> {
    const server = await close(
      httpServer((request, response) => {
        assert.equal(request.headers['accept-encoding'], 'identity');
        request
          .resume()
          .on('end', () => response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(bytes));
      }),
    );
    return login(server.url);
  }

  it('comes in the coding that a call asks for, where an API insists on one', async () => {
    const flow = flowSchema.parse({
      login: { url: '{tokenUrl}', headers: { 'Accept-Encoding': 'gzip' }, answer: { token: '/access_token' } },
      credentials: { tokenUrl: 'required' },
      attach: { header: 'Authorization' },
    });
    const server = await close(
      httpServer((request, response) => {
        const wanted = request.headersDistinct['accept-encoding'];
        request.resume().on('end', () => {
          if (wanted?.join() === 'gzip') response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(GRANT));
          else response.writeHead(415).end();
        });
      }),
    );
    const send = tokenCallSender({}, () => '');
    const outcome = await runCall(flow.login!, flow, undefined, { tokenUrl: server.url }, send, () => Date.now());
    assert.equal(outcome.kind, 'granted');
    const other = { url: '/login', headers: { 'Accept-Encoding': 'zstd' }, answer: { token: '/t' } };
    const parsed = flowSchema.safeParse({ login: other, attach: { header: 'Authorization' } });
    assert.match(parsed.error?.message ?? '', /must be gzip, deflate, br or identity/);
  });

  const packed: readonly (readonly [what: string, coding: string | undefined, pack: (text: string) => Buffer])[] = [
    ['gzip', 'gzip', gzipSync],
    ['x-gzip', 'x-gzip', gzipSync],
    ['gzip in capitals', ' GZIP ', gzipSync],
    ['deflate', 'deflate', deflateSync],
    ['bare deflate', 'deflate', deflateRawSync],
    ['br', 'br', brotliCompressSync],
    ['gzip that is not said', undefined, gzipSync],
    ['what is said to be gzip and is not', 'gzip', (text) => Buffer.from(text)],
    ['identity', 'identity', (text) => Buffer.from(text)],
  ];
  for (const [what, coding, pack] of packed) {
    const headers = coding === undefined ? {} : { 'content-encoding': coding };
    it(`${what}: a token and a refusal are both understood`, async () => {
      const outcome = await answered(pack(GRANT), headers);
      assert.deepEqual(outcome.kind === 'granted' && [outcome.grant.secret, outcome.grant.lifetime], [
        'good-token',
        3_600,
      ]);
      assert.deepEqual(await answered(pack(REFUSAL), headers, 401), {
        kind: 'refused',
        reason: 'status 401, code invalid_client',
      });
    });
  }

  for (const [what, coding, pack] of [
    ['gzip', 'gzip', gzipSync],
    ['br', 'br', brotliCompressSync],
    ['deflate', 'deflate', deflateSync],
  ] as const) {
    it(`${what} of more than 1 MiB once unpacked is too large, however small it came`, async () => {
      const bytes = pack(`${GRANT.slice(0, -1)},"pad":"${'x'.repeat(3 * 1024 ** 2)}"}`);
      assert.ok(bytes.length < 20_000);
      const outcome = await answered(bytes, { 'content-encoding': coding });
      assert.deepEqual([outcome.kind, outcome.kind === 'failed' && outcome.reason], ['failed', 'too_large']);
    });

    it(`${what} that is cut short or broken is no token`, async () => {
      for (const bytes of [
        pack(GRANT).subarray(0, -6),
        Buffer.concat([Buffer.from([0x1f, 0x8b, 8]), Buffer.alloc(40, 0xff)]),
      ]) {
        const outcome = await answered(bytes, { 'content-encoding': coding });
        assert.deepEqual([outcome.kind, outcome.kind === 'failed' && outcome.reason], ['failed', 'malformed']);
        assert.match(
          outcome.kind === 'failed' ? (outcome.detail ?? '') : '',
          /in a content coding that could not be decoded$/,
        );
      }
    });
  }

  it('empty, under any coding, is empty', async () => {
    for (const coding of ['gzip', 'br', 'deflate', 'identity']) {
      const outcome = await answered('', { 'content-encoding': coding });
      assert.match(outcome.kind === 'failed' ? (outcome.detail ?? '') : '', /with an empty body$/, coding);
    }
  });

  for (const [what, bytes] of [
    ['UTF-8 with a mark', Buffer.from(`\ufeff${GRANT}`)],
    ['UTF-16 with a mark', utf16(GRANT)],
    ['UTF-16, big end first', utf16(GRANT, { big: true })],
    ['UTF-16 without a mark', utf16(GRANT, { mark: false })],
    ['UTF-16, big end first, without a mark', utf16(GRANT, { big: true, mark: false })],
    ['blank lines around it', Buffer.from(`\r\n\r\n ${GRANT}\n`)],
  ] as const) {
    it(`${what} is read`, async () => assert.equal((await answered(bytes)).kind, 'granted'));
  }

  for (const type of [
    'text/html',
    'text/plain; charset=utf-8',
    'application/jwt',
    'application/json; charset=UTF-8',
    'x',
  ]) {
    it(`labelled ${type}: it is what it is`, async () =>
      assert.equal((await answered(GRANT, { 'content-type': type })).kind, 'granted'));
  }
});

describe('what people are told of a token endpoint that gives no answer', () => {
  const close = closing();
  const folder = freshFolder();

  async function failure(url: string): Promise<unknown[]> {
    const outcome = await login(url);
    return outcome.kind === 'failed' ? [outcome.reason, outcome.reach, outcome.detail] : [outcome.kind];
  }

  it('nothing listens there', async () => {
    const nowhere = await closedPort();
    assert.deepEqual(await failure(nowhere), [
      'connect',
      'unsent',
      `${new URL(nowhere).host}: nothing listens there, or a firewall refuses the connection (ECONNREFUSED)`,
    ]);
  });

  it('its name is none', async () => {
    const [reason, reach, detail] = await failure('http://no-such-name.invalid');
    assert.deepEqual([reason, reach], ['dns', 'unsent']);
    assert.match(String(detail), /^no-such-name\.invalid:80: .* \((ENOTFOUND|EAI_AGAIN)\)$/);
  });

  it('its certificate is not trusted', async function () {
    const { cert, key } = new Authority(this, folder()).forLoopback();
    const { url } = await close(fakeTlsUpstream({ cert, key }));
    const [reason, reach, detail] = await failure(url);
    assert.deepEqual([reason, reach], ['tls', 'unsent']);
    assert.match(
      String(detail),
      new RegExp(
        `^${new URL(url).host}: no trusted authority has signed its certificate; the account's tls\\.caFile can name one \\(TLS: [A-Z_]+\\)$`,
      ),
    );
  });

  it('it breaks off', async () => {
    for (const [head, before] of [
      ['', 'its response'],
      ['HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"access', 'the end of its response'],
    ] as const) {
      const { url } = await close(tcpServer((socket) => void socket.once('data', () => socket.end(head))));
      assert.deepEqual(await failure(url), [
        'reset',
        'unanswered',
        `${new URL(url).host}: it closed the connection before ${before}`,
      ]);
    }
  });

  it('it says too much', async () => {
    const { url } = await close(httpServer((_request, response) => void response.end('x'.repeat(2 * 1024 ** 2))));
    assert.deepEqual(await failure(url), [
      'too_large',
      'unanswered',
      `${new URL(url).host}: a response of more than 1 MiB`,
    ]);
  });
});
