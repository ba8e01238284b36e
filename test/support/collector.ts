import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';

const SOURCE = resolve('test/traces/receiver');

/** One span in OTLP's JSON, as the collector writes it. */
interface JsonSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly attributes?: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[];
}

interface JsonBatch {
  readonly resourceSpans: readonly { readonly scopeSpans: readonly { readonly spans: readonly JsonSpan[] }[] }[];
}

export interface Collector {
  readonly url: string;
  readonly spans: () => readonly JsonSpan[];
  /** All that it has printed. */
  readonly text: () => string;
  close(): Promise<void>;
}

/**
 * The OTLP receiver of the OpenTelemetry Collector as a program, built by Go from its sources and kept: a minute or two
 * the first time. Throws if it cannot be built.
 */
export function buildCollector(go: string): string {
  const hash = createHash('sha256');
  for (const file of ['main.go', 'go.mod', 'go.sum']) hash.update(readFileSync(join(SOURCE, file)));
  const folder = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'tokenward-tests');
  const program = join(folder, `otlp-receiver-${hash.digest('hex').slice(0, 16)}`);
  if (existsSync(program)) return program;
  mkdirSync(folder, { recursive: true });
  const unfinished = `${program}.${process.pid}`;
  execFileSync(go, ['build', '-o', unfinished, '.'], { cwd: SOURCE, stdio: ['ignore', 'ignore', 'inherit'] });
  renameSync(unfinished, program);
  return program;
}

/** Starts it on a free port. */
export async function startCollector(program: string): Promise<Collector> {
  const port = await freePort();
  const child = spawn(program, [`127.0.0.1:${port}`], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (more: string) => (text += more));
  const ended = new Promise<void>((done) => child.on('close', () => done()));
  await eventually('the receiver listens', () => text.startsWith('listening\n'), 30_000);
  return {
    url: `http://127.0.0.1:${port}`,
    text: () => text,
    spans: () =>
      text
        .split('\n')
        .slice(1, -1)
        .flatMap((line) => (JSON.parse(line) as JsonBatch).resourceSpans)
        .flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
    async close() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
