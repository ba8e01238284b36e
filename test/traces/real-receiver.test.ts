import assert from 'node:assert/strict';
import { startSandbox } from '../../src/sandbox/sandbox.ts';
import { call } from '../support/call.ts';
import { buildCollector, startCollector } from '../support/collector.ts';
import { closing } from '../support/custom-proxy.ts';
import { eventually } from '../support/eventually.ts';
import { startProxy } from '../support/proxy.ts';
import { requireGo } from '../support/tools.ts';

describe("the OpenTelemetry Collector's receiver", function () {
  // Go builds it from its sources the first time.
  this.timeout(600_000);
  const keep = closing();

  it('reads the spans of a request that was healed, as the upstream names them', async function () {
    const collector = await keep(startCollector(buildCollector(requireGo(this))));
    const sandbox = await keep(startSandbox());
    const proxy = await keep(
      startProxy(sandbox, { config: (base) => ({ ...base, tracing: { endpoint: collector.url } }) }),
    );
    await call(proxy.url, '/crm/v1/licenses');
    sandbox.chatapp.revokeCurrent();
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const traceparent = `00-${traceId}-00f067aa0ba902b7-01`;
    await call(proxy.url, '/crm/v1/licenses', { headers: { traceparent, 'x-request-id': 'healed-1' } });
    await eventually('all spans are there', () => collector.spans().length === 9);
    const spans = collector.spans();
    const own = spans.filter((span) => span.traceId === traceId);
    const server = own.find(({ parentSpanId }) => parentSpanId === '00f067aa0ba902b7')!;
    assert.deepEqual(own.map(({ name, kind }) => `${name} ${kind}`).sort(), [
      'GET /crm 2',
      'GET 3',
      'GET 3',
      'token wait 1',
    ]);
    assert.ok(own.every((span) => span === server || span.parentSpanId === server.spanId));
    const attributes = Object.fromEntries(server.attributes!.map(({ key, value }) => [key, Object.values(value)[0]]));
    assert.deepEqual(
      ['tokenward.request_id', 'http.response.status_code', 'tokenward.account', 'url.path'].map((name) =>
        String(attributes[name]),
      ),
      ['healed-1', '200', 'crm', '/crm/v1/licenses'],
    );
    const renewal = spans.find(({ name }) => name === 'renewal by refresh')!;
    const wait = own.find(({ name }) => name === 'token wait')!;
    assert.deepEqual(
      renewal.links!.map(({ spanId }) => spanId),
      [wait.spanId],
    );
    assert.deepEqual(
      wait.links!.map(({ spanId }) => spanId),
      [renewal.spanId],
    );
  });
});
