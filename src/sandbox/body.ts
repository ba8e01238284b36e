/** A JSON object of a request body, its fields not looked at yet. */
export type Fields = Readonly<Record<string, unknown>>;

/** Parses a body as a JSON object; undefined when it is anything else. */
export function parseFields(body: Buffer): Fields | undefined {
  if (body.length === 0) return undefined;
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    return isFields(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** True when a value is a string with something in it. */
export function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

/** Decodes one path segment; as it is when it cannot be decoded. */
export function segment(text = ''): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Digits as a number; anything else as a stable small number, so that imitated ids look like ids. */
export function idNumber(text = ''): number {
  return Number(/\d{1,15}/.exec(text)?.[0] ?? 1);
}
