import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { UnfillableError } from '../../../src/flows/template.ts';
import { fieldIn, request, sign } from './signing.ts';

const config = (service: string): unknown => ({ sign: 'aws4', region: 'eu-west-1', service, key: 'AK', secret: 'sk' });
const HASH = 'x-amz-content-sha256';
const sha256 = (content: string | Buffer): string => createHash('sha256').update(content).digest('hex');

describe('the content of a request in an AWS signature', () => {
  it('is stated to services that need it, and to no others', async () => {
    const body = Buffer.from([0xff, 0x00, 0xfe]);
    for (const service of ['s3', 'aoss'])
      assert.equal(fieldIn(await sign(config(service), request({ method: 'PUT', body })), HASH), sha256(body));
    assert.equal(fieldIn(await sign(config('dynamodb'), request({ method: 'PUT', body })), HASH), undefined);
  });

  it('is not signed where S3 gets a stream', async () => {
    const signature = await sign(config('s3'), request({ method: 'PUT', body: null }));
    assert.equal(fieldIn(signature, HASH), 'UNSIGNED-PAYLOAD');
    assert.match(fieldIn(signature, 'authorization')!, /SignedHeaders=host;x-amz-content-sha256;x-amz-date,/);
  });

  it('must be known to other services', async () => {
    await assert.rejects(
      sign(config('execute-api'), request({ method: 'PUT', body: null })),
      (error: unknown) =>
        error instanceof UnfillableError && error.message === 'the signature covers its content, which is streamed',
    );
  });

  it('may be stated by a client that streams', async () => {
    const stated = sha256('what follows');
    const toSign = request({ method: 'PUT', body: null, headers: ['X-Amz-Content-SHA256', stated] });
    for (const service of ['s3', 'lambda']) assert.equal(fieldIn(await sign(config(service), toSign), HASH), stated);
  });

  it('is hashed anew where it is known, whatever the client states', async () => {
    for (const stated of [sha256('something else'), 'UNSIGNED-PAYLOAD', ''])
      for (const service of ['s3', 'lambda'])
        assert.equal(
          fieldIn(
            await sign(config(service), request({ body: 'abc', headers: ['x-amz-content-sha256', stated] })),
            HASH,
          ),
          sha256('abc'),
        );
  });

  it('in chunks that are not signed is left as AWS’s libraries send it', async () => {
    for (const body of [null, '3\r\nabc\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n']) {
      const headers = ['x-amz-content-sha256', 'STREAMING-UNSIGNED-PAYLOAD-TRAILER'];
      assert.equal(
        fieldIn(await sign(config('s3'), request({ method: 'PUT', body, headers })), HASH),
        'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
      );
    }
  });

  it('in chunks that the client has signed cannot be signed again', async () => {
    const headers = ['x-amz-content-sha256', 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD'];
    await assert.rejects(sign(config('s3'), request({ method: 'PUT', body: null, headers })), UnfillableError);
  });
});
