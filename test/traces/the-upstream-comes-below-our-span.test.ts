import assert from 'node:assert/strict';
import { call } from '../support/call.ts';
import { closing, startCustomProxy } from '../support/custom-proxy.ts';
import { fakeUpstream, type FakeUpstream } from '../support/fake-upstream.ts';
import { spanReceiver } from '../support/otlp.ts';
import { headerValues } from '../support/world.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';
const SAMPLED = `00-${TRACE}-${PARENT}-01`;
const UNSAMPLED = `00-${TRACE}-${PARENT}-00`;
const STATE = 'vendor=t61rcWkgMzE,other=1';

/** Both engines read fields in their own way. */
for (const engine of ['fast', 'express']) {
  describe(`the trace of a request, with the ${engine} engine`, () => {
    const keep = closing();
    const start = async (tracing?: object) => {
      const upstream = await keep(fakeUpstream());
      const receiver = await keep(spanReceiver());
      const proxy = await keep(
        startCustomProxy({
          listen: { engine },
          routes: [{ prefix: '/a', upstream: upstream.url, account: 'fixed' }],
          ...(tracing && { tracing: { endpoint: receiver.url, ...tracing } }),
        }),
      );
      return { upstream, receiver, proxy };
    };
    const fieldsOf = ({ seen }: FakeUpstream): [string[], string[]] => [
      headerValues(seen.at(-1)!.rawHeaders, 'traceparent'),
      headerValues(seen.at(-1)!.rawHeaders, 'tracestate'),
    ];

    it('passes untouched without tracing', async () => {
      const { upstream, proxy } = await start();
      await call(proxy.url, '/a/x', { headers: { traceparent: SAMPLED, tracestate: STATE } });
      assert.deepEqual(fieldsOf(upstream), [[SAMPLED], [STATE]]);
      await call(proxy.url, '/a/x');
      assert.deepEqual(fieldsOf(upstream), [[], []]);
    });

    it("is the caller's: the upstream gets the attempt's span as its parent, and the caller's state", async () => {
      const { upstream, receiver, proxy } = await start({});
      await call(proxy.url, '/a/orders?secret=1', { headers: { traceparent: SAMPLED, tracestate: STATE } });
      const spans = await receiver.until((all) => all.length === 2);
      const server = spans.find(({ kind }) => kind === 2)!;
      const attempt = spans.find(({ kind }) => kind === 3)!;
      assert.deepEqual(
        [server.traceId, server.parentSpanId, attempt.traceId, attempt.parentSpanId],
        [TRACE, PARENT, TRACE, server.spanId],
      );
      assert.deepEqual(fieldsOf(upstream), [[`00-${TRACE}-${attempt.spanId}-01`], [STATE]]);
    });

    it('begins here if the caller names none, or none that is well-formed', async () => {
      const { upstream, receiver, proxy } = await start({});
      const traces = new Set<string>();
      for (const traceparent of ['', 'nonsense', SAMPLED.replace(TRACE, '0'.repeat(32)), `ff${SAMPLED.slice(2)}`]) {
        await call(proxy.url, '/a/x', { headers: { ...(traceparent && { traceparent }), tracestate: STATE } });
        const [parents, states] = fieldsOf(upstream);
        assert.match(parents.join(), /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
        assert.deepEqual(states, [], "the state of another trace than the upstream's");
        traces.add(parents[0]!.slice(3, 35));
      }
      assert.equal(traces.size, 4);
      const spans = await receiver.until((all) => all.length === 8);
      assert.deepEqual(new Set(spans.map(({ traceId }) => traceId)), traces);
      assert.equal(spans.filter(({ parentSpanId }) => parentSpanId === '').length, 4);
    });

    it('is recorded if the caller records it, and not if it does not', async () => {
      const { upstream, receiver, proxy } = await start({ sample: 0 });
      await call(proxy.url, '/a/x', { headers: { traceparent: UNSAMPLED, tracestate: STATE } });
      const [parents, states] = fieldsOf(upstream);
      assert.match(parents.join(), new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`));
      assert.ok(!parents[0]!.includes(PARENT));
      assert.deepEqual(states, [STATE]);
      // The share of 0 is for traces that begin here.
      await call(proxy.url, '/a/x');
      assert.match(fieldsOf(upstream)[0].join(), /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
      await call(proxy.url, '/a/x', { headers: { traceparent: SAMPLED } });
      const spans = await receiver.until((all) => all.length === 2);
      assert.deepEqual([...new Set(spans.map(({ traceId }) => traceId))], [TRACE]);
    });

    it('has a share of those that begin here', async () => {
      const { upstream, proxy } = await start({ sample: 0.5 });
      for (let count = 0; count < 100; count += 1) await call(proxy.url, '/a/x');
      const recorded = upstream.seen.filter(({ rawHeaders }) =>
        /-01$/.test(headerValues(rawHeaders, 'traceparent')[0]!),
      );
      assert.ok(recorded.length > 20 && recorded.length < 80, `${recorded.length} of 100`);
    });
  });
}
