import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { RequestBody, Upload } from '../../../src/http/message.ts';
import { destinationOf } from '../../../src/http/client/dial.ts';
import { ConnectionPool } from '../../../src/http/client/pool.ts';
import { UpstreamResponse } from '../../../src/http/client/response.ts';
import { echo, RawServer } from '../../hostile/raw-server.ts';

const chunks = fc.array(
  fc.uint8Array({ minLength: 1, maxLength: 3_000 }).map((array) => Buffer.from(array)),
  { maxLength: 6 },
);
const body = fc
  .tuple(chunks, fc.constantFrom('none', 'buffered', 'streamed', 'streamed without a length'))
  .map(([pieces, kind]) => ({ pieces: kind === 'none' ? [] : pieces, kind }));
const request = fc.record({
  method: fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'),
  target: fc.nat(1_000_000).map((n) => `/base/${n}?q=${n}`),
  fields: fc.array(
    fc.tuple(fc.constantFrom('X-A', 'x-b', 'Cookie'), fc.constantFrom('1', '', 'a\tb', 'caf\xe9', 'x'.repeat(2_000))),
    { maxLength: 5 },
  ),
  body,
});

function uploadOf(pieces: readonly Buffer[]): Upload {
  // Copies: what has been written is given back to the system.
  const left = pieces.map((piece) => Buffer.from(piece));
  return { kept: false, next: () => Promise.resolve(left.shift()), stop: () => undefined };
}

function bodyOf({ pieces, kind }: { pieces: Buffer[]; kind: string }): RequestBody {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  if (kind === 'none') return { kind: 'none' };
  if (kind === 'buffered') return { kind: 'buffered', chunks: pieces, length, release: () => undefined };
  return { kind: 'streamed', length: kind === 'streamed' ? length : undefined, open: () => uploadOf(pieces) };
}

describe('what we write upstream, read by a second reader', () => {
  let server: RawServer;
  let pool: ConnectionPool;
  before(async () => {
    server = new RawServer(echo);
    await server.listen();
    pool = new ConnectionPool(destinationOf(`http://127.0.0.1:${server.port}`), {
      maxConnections: 2,
      timeouts: { connect: 2_000, firstByte: 5_000, idle: 5_000 },
    });
  });
  after(async () => {
    pool.close();
    await server.close();
  });

  it('every request arrives as it was meant, whole and alone, on connections that are used again and again', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 4 }), async (requests) => {
        server.mark();
        await Promise.all(
          requests.map(async ({ method, target, fields, body: meant }) => {
            const reply = await new Promise<UpstreamResponse>((resolve, reject) => {
              pool.run(
                { method, target, headers: ['host', 'upstream', ...fields.flat()], body: bodyOf(meant) },
                new UpstreamResponse(resolve, reject),
              );
            });
            await reply.gather(64 * 1024);
            assert.equal(Buffer.concat(reply.chunks).toString(), method === 'HEAD' ? '' : `${method} ${target}`);
          }),
        );
        assert.deepEqual(server.faults, []);
        assert.equal(server.unanswered, 0);
        assert.equal(server.arrivals.length, requests.length);
        for (const {
          method,
          target,
          fields,
          body: { pieces },
        } of requests) {
          const found = server.arrivals.some(
            ({ request: seen }) =>
              seen.method === method &&
              seen.target === target &&
              seen.body.equals(Buffer.concat(pieces)) &&
              fields.every(([n, v]) => seen.fields.some(([name, value]) => name === n && value === v)),
          );
          assert.ok(found, `${method} ${target}`);
        }
      }),
      { numRuns: 300 },
    );
  });
});
