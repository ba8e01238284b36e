import assert from 'node:assert/strict';
import type { LineSink } from '../../src/access-log.ts';
import { startSandbox } from '../../src/sandbox/sandbox.ts';
import { call } from '../support/call.ts';
import { closing } from '../support/custom-proxy.ts';
import { operator } from '../support/operator.ts';
import { spanReceiver, type ReceivedSpan } from '../support/otlp.ts';
import { startProxy } from '../support/proxy.ts';

describe('a request that was healed', () => {
  const keep = closing();
  const start = async (tracing: object = {}) => {
    const sandbox = await keep(startSandbox());
    const receiver = await keep(spanReceiver());
    const texts: string[] = [];
    const lines: LineSink = { write: (line) => texts.push(line) > 0, close: () => Promise.resolve() };
    const proxy = await keep(
      startProxy(sandbox, {
        config: (base) => ({
          ...base,
          log: { access: { requests: 'all' } },
          tracing: { endpoint: receiver.url, service: 'shop-proxy', attributes: { 'k8s.pod.name': 'a' }, ...tracing },
        }),
        surroundings: { access: { lines, paint: undefined } },
      }),
    );
    return { sandbox, receiver, proxy, access: () => texts.map((text) => JSON.parse(text) as Record<string, unknown>) };
  };
  const named = (spans: readonly ReceivedSpan[], name: RegExp): ReceivedSpan[] =>
    spans.filter((span) => name.test(span.name));

  it('is found by one id in the access log, the log, the exemplar and its trace', async () => {
    const { sandbox, receiver, proxy, access } = await start();
    await call(proxy.url, '/softline/v1/order/7');
    sandbox.softline.revokeCurrent();
    await call(proxy.url, '/softline/v1/order/8?secret=1', { headers: { 'x-request-id': 'healed-1' } });
    const spans = await receiver.until((all) => all.length === 9);
    const server = spans.find(({ attributes }) => attributes['tokenward.request_id'] === 'healed-1')!;
    const { traceId } = server;

    const line = access().find((one) => one['http.request.id'] === 'healed-1')!;
    assert.equal(line['trace.id'], traceId);
    const renewal = proxy.lines.map((text) => JSON.parse(text) as Record<string, unknown>);
    assert.equal(renewal.find((one) => one['request_id'] === 'healed-1')?.['trace_id'], traceId);
    const { text } = await operator(proxy).get('/metrics').set('accept', 'application/openmetrics-text').expect(200);
    const exemplar = text.split('\n').find((one) => one.includes('request_id="healed-1"'));
    assert.ok(exemplar?.includes(`trace_id="${traceId}"`), exemplar);

    const own = spans.filter((span) => span.traceId === traceId);
    assert.deepEqual(own.map(({ name }) => name).sort(), ['GET', 'GET', 'GET /softline', 'token wait']);
    assert.ok(own.every((span) => span === server || span.parentSpanId === server.spanId));
    assert.ok(own.every(({ startedAt, endedAt }) => startedAt >= server.startedAt && endedAt <= server.endedAt));
    const attempts = named(own, /^GET$/).sort((a, b) => Number(a.startedAt - b.startedAt));
    assert.deepEqual(
      attempts.map(({ attributes, status }) => [
        attributes['http.response.status_code'],
        attributes['tokenward.generation'],
        attributes['http.request.resend_count'],
        attributes['error.type'],
        status,
      ]),
      [
        [401, 1, undefined, '401', 2],
        [200, 2, 1, undefined, 0],
      ],
    );
    const shown = Object.fromEntries(Object.entries(server.attributes).filter(([name]) => name !== 'tokenward.own_ms'));
    assert.deepEqual(shown, {
      'http.request.method': 'GET',
      'url.path': '/softline/v1/order/8',
      'url.scheme': 'http',
      'http.response.status_code': 200,
      'server.address': '127.0.0.1',
      'server.port': Number(new URL(proxy.url).port),
      'client.address': '127.0.0.1',
      'tokenward.request_id': 'healed-1',
      'tokenward.route': '/softline',
      'tokenward.account': 'softline',
      'tokenward.generation': 2,
      'tokenward.attempts': 2,
    });
    assert.deepEqual(
      ['service.name', 'k8s.pod.name', 'telemetry.sdk.name'].map((name) => server.resource[name]),
      ['shop-proxy', 'a', 'opentelemetry'],
    );
  });

  it('and the renewal link to one another, which has a trace of its own', async () => {
    const { sandbox, receiver, proxy } = await start();
    await call(proxy.url, '/softline/v1/order/7');
    sandbox.softline.revokeCurrent();
    await Promise.all([1, 2, 3].map((id) => call(proxy.url, `/softline/v1/order/${id}`)));
    const spans = await receiver.until((all) => named(all, /^GET \/softline$/).length === 4);
    const renewals = named(spans, /^renewal by /).sort((a, b) => Number(a.startedAt - b.startedAt));
    assert.deepEqual(
      renewals.map(({ name, parentSpanId, attributes }) => [
        name,
        parentSpanId,
        attributes['tokenward.account'],
        attributes['tokenward.renewal.cause'],
        attributes['tokenward.renewal.outcome'],
        attributes['tokenward.generation'],
      ]),
      [
        ['renewal by login', '', 'softline', 'first', 'granted', 1],
        ['renewal by login', '', 'softline', 'refused', 'granted', 2],
      ],
    );
    const second = renewals[1]!;
    const waits = named(spans, /^token wait$/).filter(({ links }) => links.some((to) => to.spanId === second.spanId));
    assert.ok(waits.length > 0);
    assert.ok(waits.every(({ traceId }) => traceId !== second.traceId));
    assert.deepEqual(second.links.map(({ spanId }) => spanId).sort(), waits.map(({ spanId }) => spanId).sort());
  });

  it('is followed to its renewal although only a share of the traces is recorded', async () => {
    const { sandbox, receiver, proxy } = await start({ sample: 0 });
    await call(proxy.url, '/softline/v1/order/7');
    sandbox.softline.revokeCurrent();
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    await call(proxy.url, '/softline/v1/order/8', { headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` } });
    const spans = await receiver.until((all) => all.length === 5);
    assert.deepEqual(
      named(spans, /^renewal/).map(({ links }) => links.map((link) => link.traceId)),
      [[traceId]],
    );
    const { text } = await operator(proxy).get('/metrics').set('accept', 'application/openmetrics-text').expect(200);
    const traces = [...text.matchAll(/trace_id="([^"]*)"/g)].map(([, id]) => id);
    assert.deepEqual([...new Set(traces)], [traceId], 'an exemplar leads to a trace that was not recorded');
  });

  it('and one that failed say whose error it was', async () => {
    const { sandbox, receiver, proxy } = await start();
    sandbox.softline.set({ loginMode: 'status-500' });
    await call(proxy.url, '/softline/v1/order/1');
    await call(proxy.url, '/nowhere/1');
    const spans = await receiver.until((all) => all.filter(({ kind }) => kind === 2).length === 2);
    const failed = spans
      .filter(({ kind }) => kind === 2)
      .map(({ attributes, status }) => [
        attributes['http.response.status_code'],
        attributes['error.type'],
        attributes['tokenward.error_source'],
        status,
      ]);
    assert.deepEqual(failed[1], [404, 'route_unknown', 'client', 0]);
    assert.deepEqual(failed[0]!.slice(2), ['tokenward', 2]);
    assert.deepEqual(
      named(spans, /^token wait$/).map(({ status }) => status),
      [2],
    );
    const renewals = named(spans, /^renewal/);
    assert.ok(renewals.length > 0 && renewals.every(({ status }) => status === 2));
  });
});
