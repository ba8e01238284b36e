import type { Flow } from '../flows/flow.ts';
import { nearest } from '../nearest.ts';
import { PRESETS } from '../flows/presets.ts';
import { checkedFlow } from './flow-checks.ts';
import { dotted, record, unknownFlow, type Path, type Report } from './issues.ts';
import type { Recipes } from './recipes.ts';

/** A flow of the configuration, merged with what it extends. `base`: the own flow that it extends, if it is one. */
interface WrittenFlow {
  readonly merged: unknown;
  readonly base: string | undefined;
}

/** The line of a path of the configuration. */
type LineOf = (path: Path) => number;

/** Every flow that an account may name: the presets, the configuration's own, and the recipes. */
export class KnownFlows {
  readonly #flows: ReadonlyMap<string, Flow>;
  /** Own flows and presets; own ones may have mistakes. */
  readonly #names: readonly string[];
  readonly #recipes: Recipes;
  readonly #written: Readonly<Record<string, unknown>>;
  readonly #lineOf: LineOf;

  /** `written`: the configuration's own flows. */
  constructor(
    flows: ReadonlyMap<string, Flow>,
    written: Readonly<Record<string, unknown>>,
    recipes: Recipes,
    lineOf: LineOf,
  ) {
    this.#flows = flows;
    this.#names = [...new Set([...Object.keys(PRESETS), ...Object.keys(written)])];
    this.#recipes = recipes;
    this.#written = written;
    this.#lineOf = lineOf;
  }

  /** Undefined: there is no such flow, or its mistakes have been reported. */
  get(name: string): Flow | undefined {
    return this.#names.includes(name) ? this.#flows.get(name) : this.#recipes.get(name);
  }

  /** Whether there is such a flow; it may have mistakes. */
  has(name: string): boolean {
    return this.#names.includes(name) || this.#recipes.has(name);
  }

  /** Where a part of a flow is written: in it, or in one that it extends. */
  placeOf(name: string, place: readonly (string | number)[]): string {
    let at = name;
    while (Object.hasOwn(this.#written, at)) {
      const { extends: base, ...own } = record(this.#written[at]);
      if (typeof base !== 'string' || place.length === 0 || Object.hasOwn(own, String(place[0])))
        return `${dotted(['flows', at])}, line ${this.#lineOf(['flows', at, ...place])}`;
      if (base === at) break;
      at = base;
    }
    return this.#recipes.placeOf(at, place) ?? `the preset ${at}`;
  }

  /** The message for a name that no flow has. */
  unknown(name: string): string {
    return unknownFlow(name, this.#names, this.#recipes.names);
  }

  /** The flow that a mistyped name most likely means. */
  nearest(name: string): string | undefined {
    return nearest(name, [...this.#names, ...this.#recipes.names]);
  }

  /** The recipes that have been asked for, without those whose name an own flow has taken. */
  get recipes(): ReadonlySet<string> {
    return new Set([...this.#recipes.used.keys()].filter((name) => !this.#names.includes(name)));
  }

  /** The presets, own flows, and the recipes that have been asked for. */
  all(): ReadonlyMap<string, Flow> {
    return new Map([...this.#recipes.used, ...this.#flows]);
  }
}

/** Checks the configuration's own flows. */
export function collectFlows(raw: unknown, recipes: Recipes, lineOf: LineOf, report: Report): KnownFlows {
  const flows = new Map<string, Flow>(Object.entries(PRESETS));
  const own = record(record(raw)['flows']);
  const all = new ExtendedFlows(own, recipes, report);
  const issuesOf = new Map<string, ReadonlyMap<string, Parameters<Report>>>();
  for (const name of all.names) {
    const written = all.get(name);
    if (written === undefined) continue;
    const found = new Map<string, Parameters<Report>>();
    const flow = checkedFlow(
      written.merged,
      name,
      (...issue) => void found.set(`${dotted(issue[0].slice(2))} ${issue[1]}`, issue),
    );
    issuesOf.set(name, found);
    if (flow !== undefined) flows.set(name, flow);
  }
  for (const [name, found] of issuesOf) {
    // An issue that is inherited from another own flow is reported there.
    const inherited = issuesOf.get(all.get(name)?.base ?? '');
    for (const [key, issue] of found) if (inherited?.has(key) !== true) report(...issue);
  }
  return new KnownFlows(flows, own, recipes, lineOf);
}

/** Resolves `extends`: a preset, another own flow, or a recipe. */
class ExtendedFlows {
  readonly names: readonly string[];
  readonly #written: Readonly<Record<string, unknown>>;
  readonly #recipes: Recipes;
  readonly #report: Report;
  readonly #done = new Map<string, WrittenFlow | undefined>();

  constructor(written: Readonly<Record<string, unknown>>, recipes: Recipes, report: Report) {
    this.names = Object.keys(written);
    this.#written = written;
    this.#recipes = recipes;
    this.#report = report;
  }

  /** Undefined: what it extends cannot be resolved, and that has been reported. */
  get(name: string, ancestors: readonly string[] = []): WrittenFlow | undefined {
    if (!this.#done.has(name)) this.#done.set(name, this.#extended(name, ancestors));
    return this.#done.get(name);
  }

  /** `ancestors`: the flows that are being resolved and need this one. */
  #extended(name: string, ancestors: readonly string[]): WrittenFlow | undefined {
    const value = this.#written[name];
    const { extends: base, ...own } = record(value);
    if (base === undefined) return { merged: value, base: undefined };
    const fail = (message: string): undefined => {
      this.#report(['flows', name, 'extends'], message, 'unknown_name');
      return undefined;
    };
    // A flow may have the name of a preset or recipe and extend that one.
    const extendsOwn = typeof base === 'string' && base !== name && Object.hasOwn(this.#written, base);
    if (!extendsOwn) {
      const text = typeof base === 'string' ? base : '';
      const from = Object.hasOwn(PRESETS, text) ? PRESETS[text] : this.#recipes.get(text);
      if (from !== undefined) return { merged: { ...from, ...own }, base: undefined };
      // A recipe with mistakes, which are reported in its file.
      if (this.#recipes.has(text)) return undefined;
      if (base === name) return fail('a flow cannot extend itself');
      const known = [...new Set([...Object.keys(PRESETS), ...this.names.filter((one) => one !== name)])];
      return fail(unknownFlow(text, known, this.#recipes.names));
    }
    const chain = [...ancestors, name];
    if (chain.includes(base)) {
      return fail(`goes in a circle: ${[...chain.slice(chain.indexOf(base)), base].join(' extends ')}`);
    }
    const from = this.get(base, chain);
    return from && { merged: { ...record(from.merged), ...own }, base };
  }
}
