import type { Metrics } from '../metrics.ts';

/** What asked for a reload. */
export type ReloadTrigger = 'signal' | 'file' | 'operator';

/** The last reload, in /status. */
export interface LastReload {
  /** Wall clock, ms. */
  readonly at: number;
  readonly ok: boolean;
  readonly trigger: ReloadTrigger;
  /** What has changed, one line each; no values. */
  readonly changes?: readonly string[];
  /** Why nothing was applied. */
  readonly error?: string;
}

/** The configuration in use, in /status. */
export interface ConfigState {
  readonly file: string;
  /** Tells two configurations apart: 12 hexadecimal digits. */
  readonly hash: string;
  /** Since when it is in use. Wall clock, ms. */
  readonly since: number;
  readonly lastReload?: LastReload;
}

/** One mistake that a reload has found. */
export interface ReloadIssue {
  readonly file?: string;
  readonly line?: number;
  readonly path?: string;
  readonly message: string;
}

/** What came of a reload. */
export type ReloadOutcome =
  | { readonly ok: true; readonly changes: readonly string[] }
  | { readonly ok: false; readonly error: string; readonly errors: readonly ReloadIssue[] };

/** What the operator port shows and does about the configuration. */
export interface ConfigControl {
  readonly state: ConfigState;
  reload(trigger: ReloadTrigger): Promise<ReloadOutcome>;
}

/** A problem of /readyz for a reload that failed: what serves is not what the file says. */
export function reloadProblem({ lastReload }: ConfigState): { readonly problem: string } | undefined {
  if (lastReload?.ok !== false) return undefined;
  const [first = ''] = (lastReload.error ?? '').split('\n');
  return { problem: `the last reload failed, and the configuration before it is in use: ${first}` };
}

/** Writes the configuration's state into gauges. */
export function describeConfig(metrics: Metrics, { hash, since, lastReload }: ConfigState): void {
  metrics.configReloaded.set(lastReload?.ok === false ? 0 : 1);
  metrics.configAppliedAt.set(since / 1000);
  metrics.configInfo.reset();
  metrics.configInfo.set({ hash }, 1);
}
