import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { notSilenced } from './inhibition.ts';

/** Rounds of a minute: how long all is well, and after how long in trouble we look which alerts fire. */
const WELL = 3;
const LOOK = 12;

interface Sample {
  readonly series: string;
  readonly name: string;
  readonly value: number;
}

/** Samples of a text of metrics, histograms left out, with the labels that Prometheus adds. */
function samples(text: string): Map<string, Sample> {
  const found = new Map<string, Sample>();
  for (const line of text.split('\n')) {
    const [, name, labels, value] = /^(tokenward_\w+?)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    if (name === undefined || /_(bucket|sum|count)$/.test(name)) continue;
    const series = `${name}{job="tokenward",instance="a"${labels === undefined ? '' : `,${labels}`}}`;
    found.set(series, { series, name, value: Number(value) });
  }
  return found;
}

/**
 * The alerts that people are told about after a while (what fires, and no other alert silences), if Prometheus scrapes
 * `before` for three minutes and then what follows from `after`. `goesOn`: counters go on rising in every minute as
 * they did between the two; otherwise they stop there.
 */
export async function firing(promtool: string, before: string, after: string, goesOn = true): Promise<string[]> {
  const [then, now] = [samples(before), samples(after)];
  const input = [...new Set([...then.keys(), ...now.keys()])].map((series) => {
    const [was, is] = [then.get(series), now.get(series)];
    const name = (was ?? is)!.name;
    // Times are told in promtool's time, which begins at 0.
    const shift = name.endsWith('_timestamp_seconds') ? Math.round(Date.now() / 1000) - LOOK * 60 : 0;
    const value = (sample: Sample): number => sample.value - shift;
    const step = goesOn && name.endsWith('_total') ? (is?.value ?? 0) - (was?.value ?? 0) : 0;
    const first = was === undefined ? `_x${WELL - 1}` : `${value(was)}x${WELL - 1}`;
    const rest = is === undefined ? '_x20' : `${value(is)}+${step}x20`;
    return { series, values: `${first} ${rest}` };
  });
  const expr =
    'count by (alertname, job, namespace, instance, account, route) (ALERTS{alertstate="firing",alertname!="TokenwardAbsent"})';
  const folder = mkdtempSync(join(tmpdir(), 'tokenward-alerts-'));
  try {
    const file = join(folder, 'test.yaml');
    // What is expected cannot be: so promtool says what there is.
    const impossible = [{ labels: '{alertname="none"}', value: 1 }];
    writeFileSync(
      file,
      stringify({
        rule_files: [resolve('deploy/prometheus/alerts.yaml')],
        evaluation_interval: '1m',
        tests: [
          {
            interval: '1m',
            input_series: input,
            promql_expr_test: [{ expr, eval_time: `${LOOK}m`, exp_samples: impossible }],
          },
        ],
      }),
    );
    const said = await new Promise<string>(
      (done) => void execFile(promtool, ['test', 'rules', file], (_error, stdout, stderr) => done(stdout + stderr)),
    );
    const got = /got:(.*)/.exec(said)?.[1];
    if (got === undefined) throw new Error(`promtool said: ${said}`);
    const alerts = [...got.matchAll(/\{([^}]*)\}/g)].map(([, labels]) =>
      Object.fromEntries([...labels!.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name!, value!])),
    );
    return [...new Set(notSilenced(alerts).map((labels) => labels['alertname']!))].sort();
  } finally {
    rmSync(folder, { recursive: true });
  }
}
