import type { z } from 'zod';
import { didYouMean, record, unknownKey, type Path, type Report } from './issues.ts';
import { isListHere, keysAt } from './schema-keys.ts';

/**
 * Reports a schema issue with a message of our own: zod's may quote the value, and an unknown key gets a suggestion.
 * `root`: the checked value.
 */
export function reportIssue(issue: z.core.$ZodIssue, root: unknown, report: Report): void {
  const { path } = issue;
  if (issue.code === 'unrecognized_keys') {
    for (const key of issue.keys) report([...path, key], unknown(key, path, issue.keys, root), 'unknown_key');
    return;
  }
  if (issue.code === 'invalid_union') {
    reportUnion(issue, root, report);
    return;
  }
  if (issue.code === 'invalid_type') reportType(path, valueAt(root, path), issue.expected, report);
  else if (issue.code === 'invalid_value') report(path, oneOf(issue.values.map(String), valueAt(root, path)));
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
  else report(path, `${issue.message}${schemeHint(issue.message, valueAt(root, path))}`);
}

function reportType(path: Path, value: unknown, expected: string, report: Report): void {
  if (value === undefined) return report(path, 'is missing', 'missing');
  const example = Array.isArray(value) ? EXAMPLES[path.map(String).join('.')] : undefined;
  report(path, `must be ${article(expected)}${example === undefined ? '' : `, such as ${example}`}`);
}

/** What to write where a list was written in place of a mapping. */
const EXAMPLES: Readonly<Record<string, string>> = {
  accounts: 'accounts: { crm: { flow: chatapp, credentials: { … } } }, with the name of each account as its key',
  flows: 'flows: { shop: { extends: oauth2 } }, with the name of each flow as its key',
};

/** A host without a scheme is the commonest slip in a URL. */
function schemeHint(message: string, value: unknown): string {
  const isHost = typeof value === 'string' && /^[\w-]+(\.[\w-]+)+(:\d+)?(\/|$)/.test(value);
  return isHost && message === 'must be an http:// or https:// URL' ? ': add https:// at its beginning' : '';
}

/** A key of another shape than the one that is meant is known, but has no place here. */
function unknown(key: string, path: Path, all: readonly string[], root: unknown): string {
  const known = keysAt(path);
  if (!known.includes(key)) return unknownKey(key, known);
  const beside = Object.keys(record(valueAt(root, path))).filter((one) => known.includes(one) && !all.includes(one));
  const inList = typeof path.at(-1) === 'number' || isListHere(path) ? '; write a list with an entry for each' : '';
  return beside.length === 0 ? 'has no place here' : `cannot stand beside ${beside.join(', ')}${inList}`;
}

/** Of several allowed shapes, reports the issues of the closest one; if none is close, what is allowed. */
function reportUnion(issue: z.core.$ZodIssueInvalidUnion, root: unknown, report: Report): void {
  const { path } = issue;
  const value = valueAt(root, path);
  if ('options' in issue) {
    report(path, oneOf(issue.options.map(String), value));
    return;
  }
  if (value === undefined) {
    report(path, 'is missing', 'missing');
    return;
  }
  const errors = shapesOf(issue.errors);
  const ofType = errors.filter((shape) => !shape.some((one) => one.path.length === 0 && one.code === 'invalid_type'));
  const candidates = ofType.length > 0 ? ofType : errors;
  if (record(value) === value && ofType.length > 1 && ofType.every((one) => knownKeys(one, value) <= 0)) {
    reportNoShape(path, ofType, value, report);
    return;
  }
  const [closest] = [...candidates].sort((a, b) => knownKeys(b, value) - knownKeys(a, value) || weight(a) - weight(b));
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

type Shape = readonly z.core.$ZodIssue[];

/** The issues of each shape; one that is a choice itself counts as its shapes. */
function shapesOf(errors: readonly Shape[]): Shape[] {
  return errors.flatMap((shape) => {
    const [only] = shape;
    return shape.length === 1 && only?.code === 'invalid_union' && only.path.length === 0 && !('options' in only)
      ? shapesOf(only.errors)
      : [shape];
  });
}

/** How many of a mapping's keys a shape has. */
function knownKeys(shape: Shape, value: unknown): number {
  const keys = Object.keys(record(value));
  // A shape that is known by one of its keys is not meant without that key.
  if (shape.some((one) => one.code === 'invalid_union' && 'options' in one && !keys.includes(String(one.path[0]))))
    return -1;
  return keys.length - shape.flatMap((one) => (one.code === 'unrecognized_keys' ? one.keys : [])).length;
}

/** A mapping that has no key of any shape. */
function reportNoShape(path: Path, shapes: readonly Shape[], value: unknown, report: Report): void {
  const needed = [...new Set(shapes.flatMap((shape) => shape.flatMap((one) => one.path.slice(0, 1).map(String))))];
  const keys = Object.keys(record(value));
  if (keys.length === 0) report(path, `needs one of ${needed.join(', ')}`);
  for (const key of keys) {
    const message = unknownKey(key, keysAt(path));
    const hint = message.includes('?') ? '' : `; needed is one of ${needed.join(', ')}`;
    report([...path, key], `${message}${hint}`, 'unknown_key');
  }
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

function oneOf(values: readonly string[], found: unknown): string {
  if (values.length === 1) return `must be ${values[0]!}`;
  return `must be one of ${values.join(', ')}${typeof found === 'string' ? didYouMean(found, values) : ''}`;
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
