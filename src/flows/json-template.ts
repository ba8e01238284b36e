import { z } from 'zod';

/** A JSON value whose strings may contain `{name}`, `{name?}` (left out if not given) or `{name=default}`. */
export type JsonTemplate = string | number | boolean | null | JsonTemplate[] | { [key: string]: JsonTemplate };

export const jsonTemplate: z.ZodType<JsonTemplate> = z.lazy(() =>
  z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(jsonTemplate), z.record(z.string(), jsonTemplate)]),
);

/** A text that may contain placeholders, and its path. */
export type TextAt = readonly [path: readonly PropertyKey[], text: string];

/** The texts of a template that may contain placeholders. */
export function textsOfTemplate(value: JsonTemplate, path: readonly PropertyKey[]): TextAt[] {
  if (typeof value === 'string') return [[path, value]];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    textsOfTemplate(inner, [...path, Array.isArray(value) ? Number(key) : key]),
  );
}
