import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { stringify } from 'yaml';
import { VALUE_FILES } from '../deploy/chart.ts';
import type { KubeObject } from './chart.ts';

export const GOLDEN = 'test/kubernetes/golden';

/** The golden file of a values file: `examples-istio.yaml`. */
export function goldenFile(values: string | undefined): string {
  const name =
    values === undefined
      ? 'default'
      : values
          .replace(/^helm\/tokenward\/|^test\//, '')
          .replaceAll('/', '-')
          .replace(/\.yaml$/, '');
  return `${GOLDEN}/${name}.yaml`;
}

/**
 * The objects as a golden file keeps them: in the order of their kinds and names, their keys sorted. What is a copy of
 * another file of the repository (rules, dashboards, the program of `helm test`) is left out, so that a change of it
 * changes nothing here.
 */
export function goldenText(objects: readonly KubeObject[]): string {
  return objects
    .map((object) => shortened(object))
    .map((object) => ({
      title: `${object.kind} ${object.metadata.namespace ?? ''}/${object.metadata.name}`,
      text: stringify(object, { sortMapEntries: true, lineWidth: 0 }),
    }))
    .sort((a, b) => (a.title < b.title ? -1 : 1))
    .map(({ title, text }) => `# ${title}\n${text}`)
    .join('---\n');
}

/** Writes all of them anew; `render` is what renders a values file. The files that changed. */
export function writeGolden(render: (values: string | undefined) => readonly KubeObject[]): string[] {
  const before = new Map(readdirSync(GOLDEN).map((name) => [`${GOLDEN}/${name}`, read(`${GOLDEN}/${name}`)]));
  rmSync(GOLDEN, { recursive: true });
  mkdirSync(GOLDEN);
  const changed: string[] = [];
  for (const values of VALUE_FILES) {
    const file = goldenFile(values);
    const text = goldenText(render(values));
    writeFileSync(file, text);
    if (before.get(file) !== text) changed.push(file);
    before.delete(file);
  }
  return [...changed, ...before.keys()];
}

/** Lines in which two texts differ, a few of them, in order: `- former`, `+ new`. */
export function difference(former: string, now: string): string | undefined {
  if (former === now) return undefined;
  const [a, b] = [former.split('\n'), now.split('\n')];
  const [inA, inB] = [new Set(a), new Set(b)];
  const lines = [
    ...a.filter((line) => !inB.has(line)).map((line) => `- ${line.trim()}`),
    ...b.filter((line) => !inA.has(line)).map((line) => `+ ${line.trim()}`),
  ];
  return lines.length === 0 ? 'the same lines in another order' : lines.slice(0, 6).join('; ');
}

export function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

const LEFT_OUT = 'left out: it is a copy of another file';

function shortened(object: KubeObject): KubeObject {
  if (object.kind === 'PrometheusRule') return { ...object, spec: LEFT_OUT };
  const { data } = object;
  if (object.kind !== 'ConfigMap' || data === undefined) return object;
  return {
    ...object,
    data: Object.fromEntries(
      Object.entries(data).map(([name, text]) => [name, /\.(json|mjs)$/.test(name) ? LEFT_OUT : text]),
    ),
  };
}
