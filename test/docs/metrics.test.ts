import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Metrics } from '../../src/metrics.ts';

interface Metric {
  readonly name: string;
  readonly type: string;
  readonly labelNames: readonly string[];
}

const PAGE = readFileSync('docs/metrics.md', 'utf8');
/** The rows of the page's tables: name, type, labels, meaning. */
const ROWS = [...PAGE.matchAll(/^\| `(tokenward_\w+)` \| (\w+) \|(.*?)\| (.+) \|$/gm)].map(
  ([, name, type, labels, meaning]) => ({
    name: name!,
    type: type!,
    labels: [...labels!.matchAll(/`(\w+)`/g)].map(([, label]) => label!),
    meaning: meaning!,
  }),
);
const REGISTERED = new Metrics('x').registry.getMetricsAsArray() as unknown as Metric[];
const OWN = REGISTERED.filter(({ name }) => name.startsWith('tokenward_'));

describe('docs/metrics.md', () => {
  it('lists every metric, and none that there is not', () => {
    assert.ok(OWN.length > 15);
    assert.deepEqual(ROWS.map(({ name }) => name).sort(), OWN.map(({ name }) => name).sort());
  });

  for (const { name, type, labelNames } of OWN) {
    it(`gives ${name} its type, its labels and a meaning`, () => {
      const row = ROWS.find((one) => one.name === name);
      // A histogram's label `le` is made by prom-client; a gauge filled by `collect` says its labels itself.
      assert.deepEqual([row?.type, row?.labels.sort()], [type, labelNames.filter((label) => label !== 'le').sort()]);
      assert.ok(row!.meaning.length > 10);
    });
  }

  it('says whose the other metrics are', () => {
    const others = REGISTERED.filter(({ name }) => !name.startsWith('tokenward_'));
    assert.ok(others.length > 0);
    for (const { name } of others) assert.match(name, /^(process|nodejs)_/);
    assert.match(PAGE, /`process_…` and `nodejs_…`/);
  });

  it('mentions no metric or label elsewhere that there is not', () => {
    const labels = new Set(OWN.flatMap(({ labelNames }) => labelNames));
    for (const [, name, selector] of PAGE.matchAll(/`(tokenward_\w+)(?:\{(\w+)=[^`]*)?`/g)) {
      assert.ok(
        OWN.some((metric) => metric.name === name),
        name,
      );
      if (selector !== undefined) assert.ok(labels.has(selector), selector);
    }
  });

  it('names every reason and outcome that the code can give', () => {
    const sources = [
      'flows/run',
      'tokens/renewal-failures',
      'tokens/renewal-call',
      'tokens/renewal',
      'tokens/account-records',
      'tokens/lease',
      'tokens/manager',
      'proxy/renew',
    ]
      .map((name) => `src/${name}.ts`)
      .map((file) => readFileSync(file, 'utf8'))
      .join('\n');
    const words = [
      ...[...sources.matchAll(/suppressed\([\w.]+, '([\w-]+)'\)/g)].map(([, word]) => word!),
      ...[...sources.matchAll(/\bfailed\('([\w-]+)'/g)].map(([, word]) => word!),
      ...[...sources.match(/readonly reason: ([^;]+);/)![1]!.matchAll(/'(\w+)'/g)].map(([, word]) => word!),
      ...[...sources.matchAll(/\bcount\('(\w+)'\)/g)].map(([, word]) => word!),
      ...[...sources.matchAll(/outcome: '(\w+)'/g)].map(([, word]) => word!),
      ...[...sources.matchAll(/(?:store\.run|storeFailed)\('(\w+)'/g)].map(([, word]) => word!),
    ];
    assert.ok(words.length > 15);
    for (const word of new Set(words)) assert.ok(PAGE.includes(`\`${word}\``), `\`${word}\` is not on the page`);
  });
});
