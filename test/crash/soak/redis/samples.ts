import { createWriteStream, readFileSync, type WriteStream } from 'node:fs';
import type { Point } from './trend.ts';

/** Figures over time, by name. */
export type Series = ReadonlyMap<string, readonly Point[]>;

type Line = Point & { readonly name: string };

/** The figures of a run; all of them also go to a file, one a line. */
export class Samples {
  readonly series = new Map<string, Point[]>();
  readonly #file: WriteStream;
  readonly #start = Date.now();

  constructor(file: string) {
    this.#file = createWriteStream(file);
  }

  /** Milliseconds since the start of the run. */
  now(): number {
    return Date.now() - this.#start;
  }

  add(name: string, value: number): void {
    const line: Line = { at: this.now(), value, name };
    addTo(this.series, line);
    this.#file.write(`${JSON.stringify(line)}\n`);
  }
}

/** The figures of an earlier run, from its file. */
export function readSamples(file: string): Series {
  const series = new Map<string, Point[]>();
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    // The last line of a run that was ended may be cut.
    if (line.endsWith('}')) addTo(series, JSON.parse(line) as Line);
  }
  return series;
}

function addTo(series: Map<string, Point[]>, { at, value, name }: Line): void {
  const list = series.get(name);
  if (list === undefined) series.set(name, [{ at, value }]);
  else list.push({ at, value });
}
