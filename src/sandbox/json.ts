/** Any JSON value. A field that is undefined is left out. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined };

/** A JSON object of a request body, its fields not looked at yet. */
export type Fields = Readonly<Record<string, unknown>>;

/** True if a value is an object and no list. */
export function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Parses a body as a JSON object; undefined if it is anything else. */
export function parseFields(body: Buffer): Fields | undefined {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** True if a value is a string with something in it. */
export function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

/** The texts that a body has by these names, or the first name by which it has none. */
export function readTexts<N extends string>(fields: Fields = {}, ...names: readonly N[]): Record<N, string> | N {
  const missing = names.find((name) => !isText(fields[name]));
  return missing ?? (Object.fromEntries(names.map((name) => [name, fields[name]])) as Record<N, string>);
}
