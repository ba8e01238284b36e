import { Session, type Profiler } from 'node:inspector';
import { fileURLToPath } from 'node:url';

/** One file that has been loaded: which of its characters have ever been run. */
interface Script {
  readonly reached: Uint8Array;
  /** What the latest reading reached. */
  readonly latest: Uint8Array;
}

/** Characters that an input reached: by file, their positions. */
export type Reached = ReadonlyMap<string, readonly number[]>;

/**
 * V8's own block coverage of some files (what `c8` reports), read while the program runs. A reading costs half a
 * millisecond, so many inputs are run before each.
 */
export class Coverage {
  readonly #session = new Session();
  readonly #covers: readonly string[];
  readonly #scripts = new Map<string, Script>();

  /** Begins to count; files that are loaded later are seen. `covers`: parts of the paths of the files that count. */
  constructor(covers: readonly string[]) {
    this.#covers = covers;
    this.#session.connect();
    this.#session.post('Profiler.enable');
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /** The files that are covered, by their paths. */
  get files(): string[] {
    return [...this.#scripts.keys()].map((url) => fileURLToPath(url));
  }

  /** How much of the files has been run: from 0 to 1. */
  get share(): number {
    let [run, all] = [0, 0];
    for (const { reached } of this.#scripts.values()) {
      all += reached.length;
      for (const one of reached) run += one;
    }
    return all === 0 ? 0 : run / all;
  }

  close(): void {
    this.#session.disconnect();
  }

  /** Forgets what ran since the last reading; how long a reading takes, in ms. */
  reset(): number {
    const started = performance.now();
    this.#take();
    return performance.now() - started;
  }

  /** What ran since the last reading and never before. Nothing is remembered of it: see `keep`. */
  fresh(): Reached {
    this.#read();
    const found = new Map<string, number[]>();
    for (const [url, { reached, latest }] of this.#scripts) {
      const at: number[] = [];
      for (let i = 0; i < latest.length; i += 1) if (latest[i] === 1 && reached[i] === 0) at.push(i);
      if (at.length > 0) found.set(url, at);
    }
    return found;
  }

  /** All that ran since the last reading. */
  latest(): Reached {
    this.#read();
    const found = new Map<string, number[]>();
    for (const [url, { latest }] of this.#scripts) {
      const at: number[] = [];
      for (let i = 0; i < latest.length; i += 1) if (latest[i] === 1) at.push(i);
      if (at.length > 0) found.set(url, at);
    }
    return found;
  }

  /** Whether what ran since the last reading holds all of this. */
  reaches(wanted: Reached): boolean {
    this.#read();
    for (const [url, at] of wanted) {
      const { latest } = this.#scripts.get(url)!;
      if (at.some((i) => latest[i] === 0)) return false;
    }
    return true;
  }

  /** Remembers it: it is not new any more. */
  keep(found: Reached): void {
    for (const [url, at] of found) for (const i of at) this.#scripts.get(url)!.reached[i] = 1;
  }

  #take(): Profiler.ScriptCoverage[] {
    let result: Profiler.ScriptCoverage[] = [];
    // The callback is called before `post` returns.
    this.#session.post('Profiler.takePreciseCoverage', (error, taken) => {
      if (error !== null) throw error;
      result = taken.result;
    });
    return result;
  }

  #read(): void {
    for (const { latest } of this.#scripts.values()) latest.fill(0);
    for (const { url, functions } of this.#take()) {
      if (!url.startsWith('file:') || !this.#covers.some((part) => url.includes(part))) continue;
      const script = this.#scriptOf(url, functions);
      // Outer functions and blocks come before what they hold.
      for (const { ranges } of functions)
        for (const { startOffset, endOffset, count } of ranges)
          script.latest.fill(count > 0 ? 1 : 0, startOffset, endOffset);
    }
  }

  #scriptOf(url: string, functions: readonly Profiler.FunctionCoverage[]): Script {
    let script = this.#scripts.get(url);
    if (script === undefined) {
      // The first reading of a file has its whole as a function of its own.
      const size = Math.max(...functions.flatMap(({ ranges }) => ranges.map(({ endOffset }) => endOffset)));
      script = { reached: new Uint8Array(size), latest: new Uint8Array(size) };
      this.#scripts.set(url, script);
    }
    return script;
  }
}
