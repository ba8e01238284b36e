import assert from 'node:assert/strict';
import { ResponseError, ResponseParser } from '../../../src/http/client/response-parser.ts';
import { readReply } from '../../hostile/strict-reply-reader.ts';
import { piecesOf, type Target } from '../target.ts';
import { readWithNode, type NodeReading } from './node-parser.ts';
import { COVERS } from './covers.ts';

/** What came of a response; `failed`: it was malformed or cut off, so it must not look complete. */
interface Outcome {
  readonly status: number;
  readonly reason: string;
  readonly fields: readonly string[];
  readonly body: string;
}

interface Reading {
  /** Undefined: malformed or cut off. */
  readonly outcome: Outcome | undefined;
  /** Bytes behind a complete response are an error too. */
  readonly failed: boolean;
  readonly reusable: boolean;
  readonly idleHint: number | undefined;
}

/** tokenward's own parser, fed with these pieces and then with the end. */
function read(pieces: readonly Buffer[], method: string): Reading {
  let head: { status: number; reason: string; headers: string[] } | undefined;
  let ends = 0;
  const body: Buffer[] = [];
  const parser = new ResponseParser({
    onHead(got) {
      assert.equal(head, undefined, 'two heads for one response');
      head = got;
    },
    onBody(piece) {
      assert.ok(head !== undefined && ends === 0, 'a body outside its response');
      assert.ok(piece.length > 0, 'an empty piece of a body');
      body.push(Buffer.from(piece));
    },
    onEnd: () => (ends += 1),
  });
  parser.expect(method);
  let failed = false;
  try {
    for (const piece of pieces) parser.feed(piece);
  } catch (error) {
    if (!(error instanceof ResponseError)) throw error;
    failed = true;
  }
  const { reusable } = parser;
  if (!failed && ends === 0) parser.closed();
  assert.ok(ends <= 1, 'two ends of one response');
  assert.ok(!reusable || (ends === 1 && !failed), 'a connection is reusable in the middle of a response');
  return {
    outcome:
      head === undefined || ends === 0
        ? undefined
        : {
            status: head.status,
            reason: head.reason,
            fields: head.headers,
            body: Buffer.concat(body).toString('latin1'),
          },
    failed,
    reusable,
    idleHint: parser.idleHint,
  };
}

/** The hostile corpus's own reader, which knows nothing of the parser. */
function readStrictly(bytes: Buffer, method: string): Outcome | undefined {
  try {
    const reply = readReply(bytes, method, true);
    if (reply === undefined || reply.end === 'cut') return undefined;
    return {
      status: reply.status,
      reason: reply.reason,
      fields: reply.fields.flatMap(([name, value]) => [name, value]),
      body: reply.body.toString('latin1'),
    };
  } catch {
    return undefined;
  }
}

/**
 * A known difference: whatever stands behind a chunk's size, tokenward drops, and node's parser wants it to be a
 * well-formed extension (RFC 9112 §7.1.1).
 */
function isChunkLine(bytes: Buffer, at: number): boolean {
  const from = at === 0 ? 0 : bytes.lastIndexOf('\n', at - 1) + 1;
  const line = bytes.toString('latin1', from, bytes.indexOf('\r\n', from));
  return /^[0-9a-f]{1,12}[\t ]*(;|$)/i.test(line) && /[\t ;]/.test(line);
}

/**
 * Another: node's parser takes an interim response in HTTP/1.0, or with `Connection: close`, for the last one. It
 * cannot be, since the final response is still due.
 */
function isBehindInterim({ error, messages }: NodeReading): boolean {
  const { status = 200, keepsAlive = true } = messages.at(-1) ?? {};
  return error === 'HPE_CLOSED_CONNECTION' && status < 200 && !keepsAlive;
}

/** A third: node's parser takes no tab behind a length or a transfer coding, though RFC 9110 §5.5 allows it. */
function hasTabInFraming(bytes: Buffer): boolean {
  return /(content-length|transfer-encoding):[^\r\n]*\t/i.test(bytes.toString('latin1'));
}

/** A fourth: tokenward drops trailer sections, and node's parser refuses framing fields in them. */
function isTrailer({ error, messages }: NodeReading): boolean {
  return (
    /CONTENT_LENGTH|TRANSFER_ENCODING/.test(error ?? '') &&
    messages.at(-1)?.fields.some((text) => /^transfer-encoding$/i.test(text)) === true
  );
}

function isKnownDifference(bytes: Buffer, node: NodeReading): boolean {
  return isChunkLine(bytes, node.at) || isBehindInterim(node) || isTrailer(node);
}

/** Whether the parser's limits on the number and length of lines cannot matter. */
function isWithinLimits(lines: readonly string[]): boolean {
  return lines.length < 250 && lines.every((line) => line.length < 1_000);
}

export const responses: Target = {
  name: 'responses',
  covers: COVERS['responses']!,
  maxBytes: 4_096,
  words: [
    'HTTP/1.1 200 OK\r\n',
    'HTTP/1.1 100 Continue\r\n\r\n',
    'Content-Length: 5\r\n',
    'Transfer-Encoding: chunked\r\n',
    'Connection: close\r\n',
    'Keep-Alive: timeout=5\r\n',
    '5\r\nhello\r\n',
    '0\r\n\r\n',
    '\r\n\r\n',
    '\r\n',
  ],
  run(bytes) {
    for (const method of ['GET', 'HEAD']) {
      const whole = read([bytes], method);
      assert.deepEqual(read(piecesOf(bytes), method), whole, `${method}: another outcome in pieces`);
      const { outcome, failed } = whole;
      // Limits on sizes and numbers, which the second reader does not have.
      if (isWithinLimits(bytes.toString('latin1').split('\r\n')))
        assert.deepEqual(outcome, readStrictly(bytes, method), `${method}: the strict reader reads something else`);
      if (outcome === undefined || failed || hasTabInFraming(bytes)) continue;
      const node = readWithNode('response', bytes, { method });
      if (node.error !== undefined && isKnownDifference(bytes, node)) continue;
      assert.equal(node.error, undefined, `${method}: node's parser refuses it`);
      const final = node.messages.filter(({ status }) => status >= 200);
      assert.equal(final.length, 1, `${method}: node's parser sees another number of responses`);
      const { status, reason, fields, body } = final[0]!;
      assert.deepEqual({ status, reason, fields, body }, outcome, `${method}: node's parser reads something else`);
    }
  },
};
