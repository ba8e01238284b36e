import assert from 'node:assert/strict';
import { readFastHead } from '../../../src/http/server/fast/request.ts';

const MAX_HEAD_BYTES = 16 * 1024;
const FIELDS = 'Host: a\r\nContent-Length: 2\r\n\r\n';

function head(text: string, previous?: NonNullable<ReturnType<typeof readFastHead>>['fields'], max = MAX_HEAD_BYTES) {
  return readFastHead(Buffer.from(text, 'latin1'), max, previous);
}

describe('the header section of the request before', () => {
  const before = head(`POST /a HTTP/1.1\r\n${FIELDS}ok`)!.fields;

  it('is used again while it is the same byte for byte, with whatever was found out about it', () => {
    before.validated = true;
    for (const text of [`POST /a HTTP/1.1\r\n${FIELDS}ok`, `PUT /longer?b HTTP/1.1\r\n${FIELDS}`]) {
      const next = head(text, before)!;
      assert.equal(next.fields, before);
      assert.equal(next.bodyAt, text.indexOf('\r\n\r\n') + 4);
      assert.ok(next.fields.validated);
    }
    assert.equal(head(`PUT /longer?b HTTP/1.1\r\n${FIELDS}`, before)!.url, '/longer?b');
  });

  it('is not used for another one', () => {
    for (const fields of [
      'Host: b\r\nContent-Length: 2\r\n\r\n',
      'Host: a\r\nContent-Length: 3\r\n\r\n',
      'host: a\r\nContent-Length: 2\r\n\r\n',
      'Host: a\r\nContent-Length: 2\r\nX-A: 1\r\n\r\n',
      'Host: a\r\n\r\n',
      '\r\n',
    ]) {
      const next = head(`POST /a HTTP/1.1\r\n${fields}`, before)!;
      assert.notEqual(next.fields, before);
      assert.equal(next.fields.length, fields.length);
      assert.equal(next.fields.validated, false);
    }
  });

  it('is not used before all of it has come', () => {
    const text = `POST /a HTTP/1.1\r\n${FIELDS}`;
    for (let at = 0; at < text.length; at += 1) assert.equal(head(text.slice(0, at), before), undefined);
    assert.equal(head(text, before)!.fields, before);
  });

  it('is not used behind a request line that is longer than half of what a head may have', () => {
    const text = `POST /${'a'.repeat(100)} HTTP/1.1\r\n${FIELDS}`;
    const lineEnd = text.indexOf('\r\n');
    assert.equal(head(text, before, lineEnd * 2)!.fields, before);
    assert.equal(head(text, before, lineEnd * 2 - 1), undefined);
  });

  it('is kept with an idle connection up to 2 KiB', () => {
    const block = (bytes: number): string => `X-A: ${'x'.repeat(bytes - 9)}\r\n\r\n`;
    for (const [bytes, kept] of [
      [100, true],
      [2_048, true],
      [2_049, false],
    ] as const) {
      const { fields } = head(`GET / HTTP/1.1\r\n${block(bytes)}`)!;
      assert.deepEqual([fields.length, fields.cacheable], [bytes, kept]);
    }
  });
});
