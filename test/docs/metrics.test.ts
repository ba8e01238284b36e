import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { FAILURES } from '../../src/app/zero-counters.ts';
import { Metrics } from '../../src/metrics.ts';
import { POLICY_VERDICTS } from '../../src/proxy/policy.ts';
import { REJECTION_REASONS, REPLAY_OUTCOMES } from '../../src/proxy/renew.ts';
import { OUTCOME_KINDS } from '../../src/tokens/credential.ts';
import { STORE_OPERATIONS, SUPPRESSIONS } from '../../src/tokens/observer.ts';

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

  const values: Readonly<Record<string, readonly string[]>> = {
    tokenward_policy_verdicts_total: POLICY_VERDICTS,
    tokenward_dead_token_replies_total: REJECTION_REASONS,
    tokenward_replays_total: REPLAY_OUTCOMES,
    tokenward_renewals_total: OUTCOME_KINDS,
    tokenward_renewal_failures_total: [...FAILURES, ...SUPPRESSIONS],
    tokenward_store_errors_total: STORE_OPERATIONS,
  };
  for (const [name, words] of Object.entries(values)) {
    it(`names every reason or outcome of ${name}`, () => {
      const { meaning } = ROWS.find((row) => row.name === name)!;
      assert.deepEqual(
        words.filter((word) => !meaning.includes(`\`${word}\``)),
        [],
      );
    });
  }
});
