import assert from 'node:assert/strict';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { startProxy } from '../../support/proxy.ts';
import { call } from '../../support/call.ts';
import { startSandbox } from '../../../src/sandbox/sandbox.ts';
import { tokenCalls, withRoute } from '../../support/world.ts';

const REFUSAL = '{"success":false,"error":{"code":"ApiInvalidTokenError","message":"Invalid Token"}}';
const KIB = 1_024;

/** Whether a rejection of this form was noticed: one renewal, and the request again. */
async function isHealed(maxInspectedBody: string | undefined, body: Buffer, coding?: string): Promise<boolean> {
  const sandbox = await startSandbox();
  const proxy = await startProxy(sandbox, {
    config: withRoute('/crm', maxInspectedBody === undefined ? {} : { maxInspectedBody }),
  });
  try {
    await call(proxy.url, '/crm/v1/licenses');
    sandbox.chatapp.revokeCurrent();
    const headers = { 'content-type': 'application/json', ...(coding !== undefined && { 'content-encoding': coding }) };
    sandbox.chatapp.set({ deadTokenAnswer: { status: 403, headers, bodyBase64: body.toString('base64') } });
    const answer = await call(proxy.url, '/crm/v1/licenses');
    const healed = answer.status === 200;
    if (!healed) assert.ok(answer.body.equals(body), 'what is not inspected passes as it is');
    assert.equal(tokenCalls(sandbox, 'chatapp'), healed ? 2 : 1);
    return healed;
  } finally {
    await proxy.stop();
    await sandbox.close();
  }
}

describe('how much of a response is inspected', () => {
  const padded = (size: number): Buffer => Buffer.from(REFUSAL.padEnd(size));
  const cases: readonly (readonly [string, string | undefined, Buffer, string | undefined, boolean])[] = [
    ['64 KiB of plain JSON', undefined, padded(64 * KIB), undefined, true],
    ['of gzip, what unpacks to 16 KiB', undefined, gzipSync(padded(16 * KIB)), 'gzip', true],
    ['of brotli, what unpacks to 16 KiB', undefined, brotliCompressSync(padded(16 * KIB)), 'br', true],
    ['no gzip that unpacks to more', undefined, gzipSync(padded(16 * KIB + 1)), 'gzip', false],
    ['no brotli that unpacks to more', undefined, brotliCompressSync(padded(16 * KIB + 1)), 'br', false],
    ['gzip of a route that allows more', '200 KiB', gzipSync(padded(200 * KIB)), 'gzip', true],
    ['plain JSON of a route that allows more', '200 KiB', padded(200 * KIB), undefined, true],
    ['less plain JSON if the route allows less', '4 KiB', padded(4 * KIB + 1), undefined, false],
    ['less gzip if the route allows less', '4 KiB', gzipSync(padded(4 * KIB + 1)), 'gzip', false],
  ];
  for (const [name, limit, body, coding, expected] of cases)
    it(name, async () => assert.equal(await isHealed(limit, body, coding), expected));
});
