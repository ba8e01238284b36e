import assert from 'node:assert/strict';
import { Upstream } from '../../../src/http/client/upstream.ts';
import { tokenCallSender } from '../../../src/app/token-endpoint-client.ts';
import { destinationOf } from '../../../src/http/client/dial.ts';
import { TokenCallError } from '../../../src/flows/run.ts';
import { closing } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';

const TIMEOUTS = { connect: 2_000, firstByte: 2_000, idle: 2_000 };
const UNFIT = ['a\r\nx-evil: 1', 'a\nb', 'a\rb', 'a\0b', 'a€'];

describe('what goes out to an upstream', () => {
  const close = closing();

  for (const text of UNFIT) {
    it(`never carries a field or a target that would end a line or arrive changed, whoever made it: ${JSON.stringify(text)}`, async () => {
      const server = await close(fakeUpstream());
      const upstream = new Upstream(destinationOf(server.url), { maxConnections: 1, timeouts: TIMEOUTS });
      for (const [target, value] of [
        ['/a', text],
        [`/${text}`, 'a'],
      ] as const) {
        await assert.rejects(
          upstream.send(
            { method: 'GET', target, headers: ['host', 'x', 'authorization', value], body: { kind: 'none' } },
            () => undefined,
          ),
          (error: { code?: string }) => error.code === 'internal',
        );
      }
      await assert.rejects(
        upstream.send(
          { method: 'GET', target: '/a', headers: ['host', 'x', text, 'a'], body: { kind: 'none' } },
          () => undefined,
        ),
        (error: { code?: string }) => error.code === 'internal',
      );
      // For a token call it means that nothing was spent.
      await assert.rejects(
        tokenCallSender(
          {},
          () => '',
        )({ method: 'POST', url: `${server.url}/token`, headers: { 'x-key': text }, body: 'x' }),
        (error: unknown) => error instanceof TokenCallError && !error.maybeSent,
      );
      assert.deepEqual(server.seen, []);
      // The next one is served.
      await upstream.send(
        { method: 'GET', target: '/b', headers: ['host', 'x', 'x-bytes', 'caf\u00e9'], body: { kind: 'none' } },
        () => undefined,
      );
      assert.deepEqual(
        server.seen.map(({ target: seen }) => seen),
        ['/b'],
      );
      upstream.close();
    });
  }
});
