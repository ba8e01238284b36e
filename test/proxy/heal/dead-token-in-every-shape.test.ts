import assert from 'node:assert/strict';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import type { CustomResponse } from '../../../src/sandbox/response.ts';
import { freshWorld, tokenCalls } from '../../support/world.ts';

const REFUSAL = '{"success":false,"error":{"code":"ApiInvalidTokenError","message":"Invalid Token"}}';

const GZIP = { 'content-type': 'application/json', 'content-encoding': 'gzip' };

/** An answer made of these bytes, with these headers and no others of the sandbox's. */
function answer(
  bytes: string | Buffer,
  headers: Record<string, string> = { 'content-type': 'application/json' },
  more: Partial<CustomResponse> = {},
): CustomResponse {
  return { status: 403, headers, bodyBase64: Buffer.from(bytes).toString('base64'), ...more };
}

describe('a dead ChatApp token, in whatever form the upstream says so', () => {
  const world = freshWorld();

  async function healed(refusal: CustomResponse): Promise<void> {
    const { sandbox } = world();
    await world().call('/crm/v1/licenses');
    sandbox.chatapp.revokeCurrent();
    sandbox.chatapp.set({ deadTokenAnswer: refusal });
    const reply = await world().call('/crm/v1/licenses');
    assert.equal(reply.status, 200);
    assert.equal((reply.json() as { success: boolean }).success, true);
    assert.equal(sandbox.ledger.count({ vendor: 'chatapp', outcome: 'dead-token' }), 1);
    assert.equal(sandbox.ledger.count({ vendor: 'chatapp', kind: 'refresh' }), 1);
    assert.equal(tokenCalls(sandbox, 'chatapp'), 2);
  }

  for (const status of [403, 401, 400, 200, 422, 500])
    it(`status ${status}`, () => healed(answer(REFUSAL, undefined, { status })));

  const padding = ' '.repeat(64 * 1024 - REFUSAL.length);
  const shapes: readonly (readonly [string, CustomResponse])[] = [
    ['gzip', answer(gzipSync(REFUSAL), { 'content-type': 'application/json', 'content-encoding': 'gzip' })],
    ['br', answer(brotliCompressSync(REFUSAL), { 'content-type': 'application/json', 'content-encoding': 'br' })],
    ['deflate', answer(deflateSync(REFUSAL), { 'content-type': 'application/json', 'content-encoding': 'deflate' })],
    [
      'deflate without its zlib frame, as some servers send it',
      answer(deflateRawSync(REFUSAL), { 'content-type': 'application/json', 'content-encoding': 'deflate' }),
    ],
    ['gzip that the header does not mention', answer(gzipSync(REFUSAL))],
    ['gzip with zeros behind it', answer(Buffer.concat([gzipSync(REFUSAL), Buffer.alloc(512)]), GZIP)],
    ['gzip in two members', answer(Buffer.concat([gzipSync(REFUSAL.slice(0, 30)), gzipSync(REFUSAL.slice(30))]), GZIP)],
    ['gzip, every byte by itself', answer(gzipSync(REFUSAL), GZIP, { chunkBytes: 1 })],
    ['gzip that unpacks to exactly 16 KiB', answer(gzipSync(REFUSAL.padEnd(16 * 1024)), GZIP)],
    ['gzip that begins with 10,000 spaces', answer(gzipSync(' '.repeat(10_000) + REFUSAL), GZIP, { chunkBytes: 20 })],
    ['GZIP in capitals', answer(gzipSync(REFUSAL), { 'content-type': 'application/json', 'content-encoding': 'GZIP' })],
    [
      'in a 200, compressed',
      answer(gzipSync(REFUSAL), { 'content-type': 'application/json', 'content-encoding': 'gzip' }, { status: 200 }),
    ],
    ['labelled text/html', answer(REFUSAL, { 'content-type': 'text/html; charset=utf-8' })],
    ['labelled text/plain in a 200', answer(REFUSAL, { 'content-type': 'text/plain' }, { status: 200 })],
    ['application/problem+json', answer(REFUSAL, { 'content-type': 'application/problem+json' })],
    ['without a content type', answer(REFUSAL, {})],
    ['with a byte order mark', answer(`\ufeff${REFUSAL}`)],
    ['in UTF-16', answer(Buffer.from(`\ufeff${REFUSAL}`, 'utf16le'))],
    ['with an escaped letter in the code', answer(REFUSAL.replace('ApiInvalid', '\\u0041piInvalid'))],
    [
      'with every letter of the code escaped',
      answer(
        REFUSAL.replace('ApiInvalidTokenError', (code) =>
          [...code].map((letter) => `\\u00${letter.charCodeAt(0).toString(16).toUpperCase()}`).join(''),
        ),
      ),
    ],
    [
      'with an escaped letter behind an escaped backslash',
      answer(REFUSAL.replace('"success"', '"\\\\u00":1,"success"').replace('ApiInvalid', '\\u0041piInvalid')),
    ],
    ['with an escaped letter in a key', answer(REFUSAL.replace('"error":{', '"\\u0065rror":{'))],
    ['with duplicate keys, the last of which counts', answer(REFUSAL.replace('{"code"', '{"code":"Other","code"'))],
    ['chunked, every byte by itself', answer(REFUSAL, undefined, { chunkBytes: 1 })],
    ['padded to exactly 64 KiB', answer(REFUSAL + padding)],
    ['padded to exactly 64 KiB, chunked', answer(REFUSAL + padding, undefined, { chunkBytes: 4_096 })],
  ];
  for (const [name, refusal] of shapes) it(name, () => healed(refusal));
});

describe('what is not a dead ChatApp token', () => {
  const world = freshWorld();

  async function untouched(foreign: CustomResponse, expected: Buffer): Promise<void> {
    const { sandbox } = world();
    await world().call('/crm/v1/licenses');
    sandbox.chatapp.set({ apiOverride: foreign });
    const reply = await world().call('/crm/v1/licenses');
    assert.equal(reply.status, foreign.status);
    assert.ok(reply.body.equals(expected), 'the body changed on its way');
    assert.equal(sandbox.ledger.count({ vendor: 'chatapp', kind: 'api', outcome: 'override' }), 1);
    assert.equal(tokenCalls(sandbox, 'chatapp'), 1);
  }

  const json = { 'content-type': 'application/json' };
  const bomb = gzipSync(
    `{"success":false,"error":{"code":"ApiInvalidTokenError"},"pad":"${'0'.repeat(10 * 1024 * 1024)}"}`,
  );
  const cases: readonly (readonly [string, string | Buffer, Record<string, string>, number])[] = [
    ['a 403 about a permission', '{"success":false,"error":{"code":"ApiForbiddenError","message":"no"}}', json, 403],
    ['a 403 without a body', '', {}, 403],
    ['a 403 page in HTML', '<html><body>ApiInvalidTokenError</body></html>', { 'content-type': 'text/html' }, 403],
    ['the code with success: true', '{"success":true,"error":{"code":"ApiInvalidTokenError"}}', json, 200],
    [
      'the code somewhere else in the document',
      '{"success":false,"error":{"code":"Other","details":{"code":"ApiInvalidTokenError"}}}',
      json,
      400,
    ],
    ['the code only as part of another one', '{"success":false,"error":{"code":"ApiInvalidTokenErrorX"}}', json, 400],
    ['the code behind __proto__', '{"__proto__":{"success":false,"error":{"code":"ApiInvalidTokenError"}}}', json, 403],
    ['the error as a list of errors', '[{"success":false,"error":{"code":"ApiInvalidTokenError"}}]', json, 403],
    ['a document cut off', '{"success":false,"error":{"code":"ApiInvalidTokenError"}', json, 403],
    ['a document with something behind it', `${REFUSAL}{}`, json, 403],
    [
      'JSON 10,000 levels deep',
      `{"success":false,"error":{"code":"ApiInvalidTokenError"},"x":${'['.repeat(10_000)}`,
      json,
      403,
    ],
    ['more than 64 KiB', REFUSAL + ' '.repeat(64 * 1024), json, 403],
    ['ten megabytes of zeros in ten kilobytes', bomb, { ...json, 'content-encoding': 'gzip' }, 403],
    ['two codings', gzipSync(gzipSync(REFUSAL)), { ...json, 'content-encoding': 'gzip, gzip' }, 403],
    ['a coding nobody knows', REFUSAL, { ...json, 'content-encoding': 'zstd' }, 403],
    ['an answer that says gzip and is not', REFUSAL, { ...json, 'content-encoding': 'gzip' }, 403],
    ['a picture with the words in it', REFUSAL, { 'content-type': 'image/png' }, 200],
    ['an event stream with the words in it', `data: ${REFUSAL}\n\n`, { 'content-type': 'text/event-stream' }, 200],
    ['lines of JSON', `${REFUSAL}\n${REFUSAL}\n`, { 'content-type': 'application/x-ndjson' }, 200],
    ['a part of a document', REFUSAL, { ...json, 'content-range': 'bytes 0-82/83' }, 206],
  ];
  for (const [name, body, headers, status] of cases) {
    it(`${name} passes through as it is`, () =>
      untouched({ status, headers, bodyBase64: Buffer.from(body).toString('base64') }, Buffer.from(body)));
  }

  it("a success that quotes every vendor's error words renews nothing", async () => {
    const { sandbox } = world();
    for (const target of [
      '/softline/v1/sandbox/echo-error-words',
      '/crm/v1/sandbox/echo-error-words',
      '/twin/iam/api/v1/sandbox/echo-error-words',
    ]) {
      const reply = await world().call(target);
      assert.equal(reply.status, 200);
      assert.match(reply.text, /ApiInvalidTokenError/);
    }
    assert.equal(sandbox.ledger.count({ where: ({ kind }) => kind !== 'api' }), 3);
    assert.equal(sandbox.ledger.count({ kind: 'api' }), 3);
  });
});
