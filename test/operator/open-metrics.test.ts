import assert from 'node:assert/strict';
import type { MetricsJson } from '../../src/operator/view.ts';
import { openMetricsText, wantsOpenMetrics } from '../../src/operator/open-metrics.ts';
import { withExemplars } from '../../src/workers/sum.ts';
import { operator } from '../support/operator.ts';
import { freshWorld } from '../support/world.ts';

const LABELS = String.raw`\{(?:\w+="(?:[^"\\\n]|\\[\\n"])*"(?:,\w+="(?:[^"\\\n]|\\[\\n"])*")*)?\}`;
const SAMPLE = new RegExp(
  String.raw`^(\w+)(?:${LABELS})? (?:NaN|[+-]Inf|-?[\d.e+-]+)(?: # (${LABELS}) [\d.e+-]+ \d+\.\d{3})?$`,
);
const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: ['_total'],
  gauge: [''],
  histogram: ['_bucket', '_sum', '_count'],
};
/** What Prometheus 2 and 3 send. */
const PROMETHEUS = [
  'application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
  'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=1.0.0;q=0.4,*/*;q=0.3',
];

describe('/metrics as OpenMetrics', () => {
  const world = freshWorld();

  it('is for scrapers that ask for it', async () => {
    for (const accept of PROMETHEUS) {
      assert.ok(wantsOpenMetrics(accept));
      const { text } = await operator(world().proxy)
        .get('/metrics')
        .set('accept', accept)
        .expect(200)
        .expect('content-type', 'application/openmetrics-text; version=1.0.0; charset=utf-8');
      assert.ok(text.endsWith('\n# EOF\n'));
    }
    for (const accept of [undefined, '*/*', 'text/plain', 'application/openmetrics-text;q=0, text/plain'])
      assert.ok(!wantsOpenMetrics(accept), accept);
  });

  it('has each family once, its samples behind it under the names of its type, and an exemplar for a healed request', async () => {
    const { proxy, sandbox, call } = world();
    await call('/softline/v1/order/7', { headers: { 'x-request-id': 'ordinary' } });
    sandbox.softline.revokeCurrent();
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    await call('/softline/v1/order/8', { headers: { 'x-request-id': 'healed', traceparent } });
    const { text } = await operator(proxy).get('/metrics').set('accept', PROMETHEUS[0]!).expect(200);
    const families = new Set<string>();
    let family = '';
    let type = '';
    const exemplars: string[] = [];
    for (const line of text.trimEnd().split('\n').slice(0, -1)) {
      const [, kind, name, rest] = /^# (HELP|TYPE) (\w+) (.+)$/.exec(line) ?? [];
      if (kind === 'HELP') {
        assert.ok(!families.has(name!), `${name!} twice`);
        families.add((family = name!));
      } else if (kind === 'TYPE') {
        assert.equal(name, family);
        type = rest!;
        assert.ok(type in SUFFIXES, type);
      } else {
        const [, sample, exemplar] = SAMPLE.exec(line) ?? [];
        assert.ok(
          SUFFIXES[type]!.some((suffix) => sample === family + suffix),
          line,
        );
        if (exemplar === undefined) continue;
        assert.match(sample!, /_bucket$/);
        // OpenMetrics: names and values of an exemplar's labels have at most 128 characters.
        assert.ok(exemplar.replaceAll(/[{}"=,]/g, '').length <= 128);
        exemplars.push(exemplar);
      }
    }
    assert.ok(families.has('tokenward_requests') && !families.has('tokenward_requests_total'));
    assert.ok(exemplars.includes('{request_id="healed",trace_id="4bf92f3577b34da6a3ce929d0e0e4736"}'), text);
    assert.match(text, /^tokenward_request_duration_seconds_bucket\{route="\/softline",le="1\.0"\} /m);
  });

  it('has the newest exemplar of several processes', async () => {
    const { proxy, call } = world();
    await call('/softline/v1/order/7', { headers: { 'x-request-id': 'older' } });
    const json = await proxy.app.view.metricsJson();
    const newer = JSON.parse(
      JSON.stringify(json)
        .replaceAll('"older"', '"newer"')
        .replaceAll(/"timestamp":[\d.]+/g, '"timestamp":9e9'),
    ) as MetricsJson;
    const plain = JSON.parse(
      JSON.stringify(json).replaceAll(/,"exemplar":\{"labelSet":\{[^}]*\}[^}]*\}/g, ''),
    ) as MetricsJson;
    const text = openMetricsText(withExemplars(plain, [newer, json]));
    assert.match(text, /# \{request_id="newer"\}/);
    assert.doesNotMatch(text, /"older"/);
    assert.doesNotMatch(openMetricsText(plain), /request_id/);
  });

  it('leaves the text format as it is', async () => {
    const { proxy, call } = world();
    await call('/softline/v1/order/7');
    await operator(proxy).get('/metrics').set('accept', PROMETHEUS[0]!).expect(200);
    const { text } = await operator(proxy).get('/metrics').expect(200);
    assert.doesNotMatch(text, / # \{|# EOF/);
    assert.match(text, /^# TYPE tokenward_requests_total counter$/m);
  });
});
