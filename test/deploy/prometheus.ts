import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { RULES } from './chart.ts';

/** One series of an instant query. A value that is no number is NaN. */
export interface Found {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Prometheus {
  /** An instant query, now. */
  query(expression: string): Promise<readonly Found[]>;
  stop(): Promise<void>;
}

/** A real Prometheus with the shipped rules that scrapes a tokenward every `everyMs`. */
export async function startPrometheus(
  program: string,
  folder: string,
  target: string,
  everyMs: number,
): Promise<Prometheus> {
  const every = `${everyMs}ms`;
  copyFileSync(RULES, join(folder, 'alerts.yaml'));
  writeFileSync(
    join(folder, 'prometheus.yaml'),
    stringify({
      global: { scrape_interval: every, scrape_timeout: every, evaluation_interval: every },
      rule_files: ['alerts.yaml'],
      scrape_configs: [{ job_name: 'tokenward', static_configs: [{ targets: [target.replace('http://', '')] }] }],
    }),
  );
  const url = `http://127.0.0.1:${await freePort()}`;
  const child = spawn(
    program,
    [
      `--config.file=${join(folder, 'prometheus.yaml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=${url.slice('http://'.length)}`,
      '--log.level=error',
    ],
    { stdio: 'ignore' },
  );
  const ended = once(child, 'exit');
  const ready = (): Promise<boolean> =>
    fetch(`${url}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  await eventually('Prometheus is ready', ready, 30_000);
  return {
    async query(expression) {
      const response = await fetch(`${url}/api/v1/query`, {
        method: 'POST',
        body: new URLSearchParams({ query: expression }),
      });
      const { data, error } = (await response.json()) as {
        data?: { resultType: string; result: { metric: Record<string, string>; value: [number, string] }[] };
        error?: string;
      };
      if (data === undefined) throw new Error(`${error ?? 'no data'}: ${expression}`);
      return data.result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
    },
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
