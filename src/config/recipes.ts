import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Flow } from '../flows/flow.ts';
import { PRESETS } from '../flows/presets.ts';
import { readDocument } from './document.ts';
import { checkedFlow } from './flow-checks.ts';
import { ConfigError, dotted, record, unknownFlow, type ConfigIssue, type Path, type Report } from './issues.ts';
import { readText } from './text-file.ts';

/** The folder lies beside `src`, and beside `dist`. */
export const RECIPE_FOLDER = fileURLToPath(new URL('../../flows', import.meta.url));

/** Also keeps names out that lead to another folder. */
const NAME = /^[a-z0-9]+(-[a-z0-9]+)*$/;

interface WrittenRecipe {
  readonly file: string;
  /** Its keys, without those of what it extends. */
  readonly keys: readonly string[];
  readonly base: string | undefined;
  readonly lineOf: (path: Path) => number;
}

/**
 * Recipes: flows of public APIs that come with the program, one file for each. A file is read when a configuration
 * names it. A recipe may extend a preset or another recipe.
 */
export class Recipes {
  /** What is wrong with the files that have been read. */
  readonly issues: ConfigIssue[] = [];
  readonly #folder: string;
  /** Undefined: the file has mistakes. */
  readonly #read = new Map<string, Flow | undefined>();
  readonly #written = new Map<string, WrittenRecipe>();
  /** Those being read, each for the one before it. */
  readonly #chain: string[] = [];

  constructor(folder = RECIPE_FOLDER) {
    this.#folder = folder;
  }

  /** All names, for messages. */
  get names(): string[] {
    try {
      return readdirSync(this.#folder)
        .flatMap((file) => (file.endsWith('.yaml') ? [file.slice(0, -'.yaml'.length)] : []))
        .sort();
    } catch {
      // The program was installed without the folder.
      return [];
    }
  }

  /** The upstream that the head of a recipe names, perhaps an example. */
  upstreamOf(name: string): string | undefined {
    const text = NAME.test(name) ? this.#textOf(join(this.#folder, `${name}.yaml`)) : undefined;
    return /^# Upstream: (\S+)$/m.exec(text ?? '')?.[1];
  }

  /** The recipes that have been read and are fine. */
  get used(): ReadonlyMap<string, Flow> {
    return new Map([...this.#read].flatMap(([name, flow]) => (flow === undefined ? [] : [[name, flow]])));
  }

  /** Whether there is a recipe of this name; it may have mistakes. */
  has(name: string): boolean {
    this.get(name);
    return this.#read.has(name);
  }

  /** Undefined: there is no such recipe, or its mistakes are among `issues`. */
  get(name: string): Flow | undefined {
    if (this.#read.has(name)) return this.#read.get(name);
    if (!NAME.test(name)) return undefined;
    const file = join(this.#folder, `${name}.yaml`);
    const text = this.#textOf(file);
    if (text === undefined) return undefined;
    this.#chain.push(name);
    let flow: Flow | undefined;
    try {
      flow = this.#flowOf(name, text, file);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      this.issues.push(...error.issues.map((issue) => ({ ...issue, file })));
    }
    this.#chain.pop();
    this.#read.set(name, flow);
    return flow;
  }

  /** Where a part of a recipe is written: in its file, or in that of one that it extends. Undefined: in none. */
  placeOf(name: string, place: Path): string | undefined {
    const written = this.#written.get(name);
    if (written === undefined) return undefined;
    const { file, keys, base, lineOf } = written;
    if (base !== undefined && place.length > 0 && !keys.includes(String(place[0]))) return this.placeOf(base, place);
    return `${file}, line ${lineOf(place)}`;
  }

  #textOf(file: string): string | undefined {
    try {
      return readText(file);
    } catch (error) {
      const { code = 'error' } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT')
        this.issues.push({ path: '', line: undefined, message: `the file cannot be read (${code})`, file });
      return undefined;
    }
  }

  /** Throws a ConfigError with every issue. */
  #flowOf(name: string, text: string, file: string): Flow | undefined {
    const document = readDocument(text, file);
    const issues: ConfigIssue[] = [];
    const report: Report = (path, message, code) =>
      void issues.push({ path: dotted(path), ...document.at(path, code), code, message });
    const { extends: base, ...own } = record(document.value);
    this.#written.set(name, {
      file,
      keys: Object.keys(own),
      base: typeof base === 'string' ? base : undefined,
      lineOf: document.lineOf,
    });
    let merged: unknown = document.value;
    if (base !== undefined) {
      const from = this.#baseOf(typeof base === 'string' ? base : '', (message) => report(['extends'], message));
      merged = from && { ...from, ...own };
    }
    // What it extends has mistakes of its own, which have been reported.
    const flow =
      merged === undefined
        ? undefined
        : checkedFlow(merged, 'recipe', (path, message, code) => report(path.slice(2), message, code));
    if (issues.length > 0) throw new ConfigError(file, issues);
    return flow;
  }

  #baseOf(base: string, fail: (message: string) => void): Flow | undefined {
    if (Object.hasOwn(PRESETS, base)) return PRESETS[base];
    if (this.#chain.includes(base)) {
      fail(`goes in a circle: ${[...this.#chain.slice(this.#chain.indexOf(base)), base].join(' extends ')}`);
      return undefined;
    }
    const flow = this.get(base);
    if (flow === undefined && !this.has(base)) fail(unknownFlow(base, Object.keys(PRESETS), this.names));
    return flow;
  }
}
