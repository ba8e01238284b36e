import type { BucketExemplar } from '../route-histogram.ts';
import type { MetricsJson } from './view.ts';

/** OpenMetrics 1.0, which has exemplars. */
export const OPEN_METRICS = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

/** A sample in prom-client's JSON, whose types lack most of it. */
export interface Sample {
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  /** Null: prom-client's own histograms have none. */
  readonly exemplar?: BucketExemplar | null;
}

/** Whether a scraper asks for OpenMetrics, by its field Accept. */
export function wantsOpenMetrics(accept: string | undefined): boolean {
  const asked = accept?.split(',').find((range) => /^\s*application\/openmetrics-text\b/i.test(range));
  return asked !== undefined && !/;\s*q=0(\.0*)?\s*(;|$)/i.test(asked);
}

/**
 * Metrics as OpenMetrics. Not by prom-client, which drops exemplars when it adds up several processes, and renames the
 * metrics of a registry that is read once so.
 */
export function openMetricsText(metrics: MetricsJson): string {
  const lines: string[] = [];
  for (const { name, help, type, values } of metrics) {
    // An enum by its types, text at runtime.
    const kind = String(type);
    const family = kind === 'counter' ? name.replace(/_total$/, '') : name;
    lines.push(`# HELP ${family} ${escaped(help)}`, `# TYPE ${family} ${kind}`);
    for (const sample of values as readonly Sample[]) {
      const sampleName = kind === 'counter' ? `${family}_total` : (sample.metricName ?? name);
      lines.push(`${sampleName}${labelsOf(sample.labels)} ${numberOf(sample.value)}${exemplarOf(sample.exemplar)}`);
    }
  }
  return `${lines.join('\n')}\n# EOF\n`;
}

function exemplarOf(exemplar: Sample['exemplar']): string {
  if (exemplar === undefined || exemplar === null) return '';
  return ` # ${labelsOf(exemplar.labelSet) || '{}'} ${numberOf(exemplar.value)} ${exemplar.timestamp.toFixed(3)}`;
}

function labelsOf(labels: Sample['labels']): string {
  const shown = Object.entries(labels).map(([name, value]) => `${name}="${escaped(labelValue(name, value))}"`);
  return shown.length === 0 ? '' : `{${shown.join(',')}}`;
}

/** OpenMetrics has the bounds of buckets as floating-point numbers. */
function labelValue(name: string, value: string | number): string {
  const text = String(value);
  return (name === 'le' || name === 'quantile') && /^\d+$/.test(text) ? `${text}.0` : text;
}

function numberOf(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  return Number.isFinite(value) ? String(value) : value > 0 ? '+Inf' : '-Inf';
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}
