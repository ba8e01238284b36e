import type { Path } from './issues.ts';
import { configSchema } from './schema.ts';

/** What is used of zod's schemas. */
interface SchemaParts {
  def: {
    type: string;
    innerType?: unknown;
    element?: unknown;
    valueType?: unknown;
    options?: unknown[];
    in?: unknown;
    entries?: Readonly<Record<string, string | number>>;
    values?: readonly unknown[];
  };
  shape?: Record<string, unknown>;
}

/** The schema's keys at a path, for suggestions. */
export function keysAt(path: Path): string[] {
  return Object.keys(shapeOf(schemaAt(path)));
}

/** Whether there may be a list at a path. */
export function isListHere(path: Path): boolean {
  const at = unwrap(schemaAt(path));
  return at?.def.type === 'union' && at.def.options?.some((option) => unwrap(option)?.def.type === 'array') === true;
}

/** The words that the schema allows at a path; empty: it allows others. */
export function valuesAt(path: Path): string[] {
  return wordsOf(schemaAt(path));
}

function wordsOf(schema: unknown): string[] {
  const at = unwrap(schema);
  if (at === undefined) return [];
  const { type, entries = {}, values = [], options = [] } = at.def;
  if (type === 'enum') return Object.values(entries).map(String);
  if (type === 'literal') return values.map(String);
  return type === 'union' ? options.flatMap(wordsOf) : [];
}

function schemaAt(path: Path): unknown {
  return path.reduce<unknown>(step, configSchema);
}

function unwrap(schema: unknown): SchemaParts | undefined {
  let at = schema as SchemaParts | undefined;
  while (at?.def.innerType !== undefined || at?.def.type === 'pipe')
    at = (at.def.innerType ?? at.def.in) as SchemaParts;
  return at;
}

function shapeOf(schema: unknown): Record<string, unknown> {
  const at = unwrap(schema);
  if (at?.def.type === 'union')
    return Object.assign({}, ...(at.def.options ?? []).map(shapeOf)) as Record<string, unknown>;
  return at?.def.type === 'object' ? (at.shape ?? {}) : {};
}

function step(schema: unknown, part: PropertyKey): unknown {
  const at = unwrap(schema);
  if (at === undefined) return undefined;
  if (at.def.type === 'array') return at.def.element;
  if (at.def.type === 'record') return at.def.valueType;
  if (at.def.type === 'union')
    return (at.def.options ?? []).map((option) => step(option, part)).find((found) => found !== undefined);
  const shape = shapeOf(at);
  // Not what every object has, such as `constructor`.
  return Object.hasOwn(shape, part) ? shape[String(part)] : undefined;
}

/** Every key that the schema has anywhere. */
export const SCHEMA_KEYS: ReadonlySet<string> = keysOf(configSchema, new Set(), new Set());

function keysOf(schema: unknown, keys: Set<string>, seen: Set<unknown>): Set<string> {
  const at = unwrap(schema);
  if (at === undefined || seen.has(at)) return keys;
  seen.add(at);
  for (const [key, inner] of Object.entries(at.def.type === 'object' ? (at.shape ?? {}) : {})) {
    keys.add(key);
    keysOf(inner, keys, seen);
  }
  for (const inner of [at.def.element, at.def.valueType, ...(at.def.options ?? [])]) keysOf(inner, keys, seen);
  return keys;
}
