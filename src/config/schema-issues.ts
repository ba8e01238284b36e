import type { z } from 'zod';
import { unknownKey, type Path, type Report } from './issues.ts';
import { configSchema } from './schema.ts';

/**
 * Reports a schema issue with a message of our own: zod's may quote the value, and an unknown key gets a suggestion.
 * `root`: the checked value.
 */
export function reportIssue(issue: z.core.$ZodIssue, root: unknown, report: Report): void {
  const { path } = issue;
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(path);
    for (const key of issue.keys) report([...path, key], unknownKey(key, known));
    return;
  }
  if (issue.code === 'invalid_union') {
    reportUnion(issue, root, report);
    return;
  }
  if (issue.code === 'invalid_type')
    report(path, valueAt(root, path) === undefined ? 'is missing' : `must be ${article(issue.expected)}`);
  else if (issue.code === 'invalid_value') report(path, oneOf(issue.values.map(String)));
  else if (issue.code === 'too_small')
    report(
      path,
      issue.origin === 'string'
        ? 'must not be empty'
        : issue.origin === 'array'
          ? `needs at least ${issue.minimum}`
          : `must be at least ${issue.minimum}`,
    );
  else if (issue.code === 'too_big') report(path, `must be at most ${issue.maximum}`);
  else if (issue.code === 'invalid_key') report(path, issue.issues[0]?.message ?? 'is not a name');
  else report(path, issue.message);
}

/** Of several allowed shapes, reports the issues of the closest one; if none is close, what is allowed. */
function reportUnion(issue: z.core.$ZodIssueInvalidUnion, root: unknown, report: Report): void {
  const { path, errors } = issue;
  if ('options' in issue) {
    report(path, oneOf(issue.options.map(String)));
    return;
  }
  if (valueAt(root, path) === undefined) {
    report(path, 'is missing');
    return;
  }
  const [closest] = [...errors].sort((a, b) => weight(a) - weight(b));
  if (
    closest?.some(
      (inner) =>
        inner.path.length > 0 ||
        inner.code === 'unrecognized_keys' ||
        inner.code === 'too_small' ||
        inner.code === 'too_big',
    ) === true
  ) {
    for (const inner of closest) reportIssue({ ...inner, path: [...path, ...inner.path] }, root, report);
    return;
  }
  const message = [issue.message, ...errors.flat().map((inner) => inner.message)].find((text) =>
    text.startsWith('must '),
  );
  const types = errors.flat().flatMap((inner) => (inner.code === 'invalid_type' ? [article(inner.expected)] : []));
  report(
    path,
    message ?? (types.length > 0 ? `must be ${[...new Set(types)].join(' or ')}` : 'has none of the allowed forms'),
  );
}

/** Issues of a whole shape weigh more than those of its parts. */
function weight(issues: readonly z.core.$ZodIssue[]): number {
  return issues.reduce(
    (sum, issue) =>
      sum +
      (issue.path.length === 0 &&
      issue.code !== 'unrecognized_keys' &&
      issue.code !== 'too_small' &&
      issue.code !== 'too_big'
        ? 100
        : 1),
    0,
  );
}

function article(expected: string): string {
  const words: Readonly<Record<string, string>> = {
    object: 'a mapping',
    array: 'a list',
    string: 'text (put quotes around it)',
    number: 'a number',
    boolean: 'true or false',
    int: 'a whole number',
    record: 'a mapping',
  };
  return words[expected] ?? expected;
}

function oneOf(values: readonly string[]): string {
  return values.length === 1 ? `must be ${values[0]!}` : `must be one of ${values.join(', ')}`;
}

function valueAt(root: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (at, key) =>
      typeof at === 'object' && at !== null && Object.hasOwn(at, key)
        ? (at as Record<PropertyKey, unknown>)[key]
        : undefined,
    root,
  );
}

/** The schema's keys at a path, for suggestions. */
function keysAt(path: Path): string[] {
  let schema: unknown = configSchema;
  for (const part of path) schema = step(schema, part);
  return Object.keys(shapeOf(schema));
}

interface SchemaParts {
  def: { type: string; innerType?: unknown; element?: unknown; valueType?: unknown; options?: unknown[]; in?: unknown };
  shape?: Record<string, unknown>;
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
  return shapeOf(at)[String(part)];
}
