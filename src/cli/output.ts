import cluster from 'node:cluster';
import { fstatSync } from 'node:fs';
import type { AccessOutput } from '../access-log.ts';
import type { LoadedConfig } from '../config/load.ts';
import { LineWriter } from '../line-writer.ts';
import { paintFor, type Paint } from '../pretty-line.ts';

/** Where a process writes what it tells, and how. */
export interface Output {
  /** Colours for the log on standard error. Undefined: it is JSON. */
  readonly paint: Paint | undefined;
  /** The access log on standard output. */
  readonly access: AccessOutput;
}

/** Whether nothing else is written where standard output goes: by another worker, or by this process as its log. */
function isAlone(): boolean {
  const [output, log] = [fstatSync(1), fstatSync(2)];
  return !cluster.isWorker && (output.ino !== log.ino || output.dev !== log.dev);
}

/** Lines for people on a terminal, and JSON elsewhere, unless the configuration says which. */
export function outputOf({ log: { format } }: Pick<LoadedConfig, 'log'>): Output {
  const paintOf = (stream: { readonly isTTY?: boolean }): Paint | undefined =>
    (format ?? (stream.isTTY === true ? 'pretty' : 'json')) === 'pretty' ? paintFor(stream, process.env) : undefined;
  const lines = new LineWriter(1, isAlone());
  process.on('exit', () => lines.writeRest());
  return { paint: paintOf(process.stderr), access: { lines, paint: paintOf(process.stdout) } };
}
