import { flowSchema, type Flow } from '../flows/flow.ts';
import { PRESETS } from '../flows/presets.ts';
import { checkFlow } from './flow-checks.ts';
import { reportIssue } from './schema-issues.ts';
import { didYouMean, dotted, record, type Path, type Report } from './issues.ts';
import { isPlainUrl } from './urls.ts';

/** A flow of the configuration, merged with what it extends. `base`: the own flow that it extends, if it is one. */
interface WrittenFlow {
  readonly merged: unknown;
  readonly base: string | undefined;
}

/** Every flow that an account may name: the presets, and the configuration's own. */
export function collectFlows(raw: unknown, report: Report): ReadonlyMap<string, Flow> {
  const flows = new Map<string, Flow>(Object.entries(PRESETS));
  const all = new ExtendedFlows(record(record(raw)['flows']), report);
  const issuesOf = new Map<string, ReadonlyMap<string, readonly [Path, string]>>();
  for (const name of all.names) {
    const written = all.get(name);
    if (written === undefined) continue;
    const found = new Map<string, readonly [Path, string]>();
    const flow = checked(
      written.merged,
      name,
      (path, message) => void found.set(`${dotted(path.slice(2))} ${message}`, [path, message]),
    );
    issuesOf.set(name, found);
    if (flow !== undefined) flows.set(name, flow);
  }
  for (const [name, found] of issuesOf) {
    // An issue that is inherited from another own flow is reported there.
    const inherited = issuesOf.get(all.get(name)?.base ?? '');
    for (const [key, issue] of found) if (inherited?.has(key) !== true) report(...issue);
  }
  return flows;
}

/** Resolves `extends`: a preset, or another own flow. */
class ExtendedFlows {
  readonly names: readonly string[];
  readonly #written: Readonly<Record<string, unknown>>;
  readonly #report: Report;
  readonly #done = new Map<string, WrittenFlow | undefined>();

  constructor(written: Readonly<Record<string, unknown>>, report: Report) {
    this.names = Object.keys(written);
    this.#written = written;
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
      this.#report(['flows', name, 'extends'], message);
      return undefined;
    };
    // A flow may have a preset's name and extend that preset.
    const extendsOwn = typeof base === 'string' && base !== name && Object.hasOwn(this.#written, base);
    if (!extendsOwn) {
      if (typeof base === 'string' && Object.hasOwn(PRESETS, base)) {
        return { merged: { ...PRESETS[base], ...own }, base: undefined };
      }
      const known = [...new Set([...Object.keys(PRESETS), ...this.names.filter((one) => one !== name)])];
      if (base === name) return fail('a flow cannot extend itself');
      const hint = typeof base === 'string' ? didYouMean(base, known) : '';
      return fail(`no flow has this name${hint}; known: ${known.join(', ')}`);
    }
    const chain = [...ancestors, name];
    if (chain.includes(base)) {
      return fail(`goes in a circle: ${[...chain.slice(chain.indexOf(base)), base].join(' extends ')}`);
    }
    const from = this.get(base, chain);
    return from && { merged: { ...record(from.merged), ...own }, base };
  }
}

function checked(merged: unknown, name: string, report: Report): Flow | undefined {
  const path = ['flows', name];
  const parsed = flowSchema.safeParse(merged);
  if (!parsed.success) {
    for (const issue of parsed.error.issues) {
      reportIssue({ ...issue, path: [...path, ...issue.path] }, { flows: { [name]: merged } }, report);
    }
    return undefined;
  }
  if (parsed.data.baseUrl !== undefined && !isPlainUrl(parsed.data.baseUrl)) {
    report([...path, 'baseUrl'], 'must name one host, and have no user, password, query or fragment');
  }
  checkFlow(parsed.data, path, report);
  return parsed.data;
}
