/** What is known of one scheme: its kind, and fields that the kind reads. */
export interface Scheme {
  readonly kind: string;
  readonly [field: string]: unknown;
}

/** Schemes that a request needs all at once. */
export type Way = readonly Scheme[];

/** One API of a catalogue. */
export interface Entry {
  readonly name: string;
  /** Each must be met, by one of its ways. OpenAPI: the operations of an API may differ in what they need. */
  readonly needs: readonly (readonly Way[])[];
  /** Why nothing can be said of it; undefined: something can. */
  readonly unclear?: string;
}

/** A scheme that says too little, or has a kind that nobody here knows. */
export class UnclearError extends Error {}

/** A file that cannot be read as a catalogue. */
export class CatalogueError extends Error {}

export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function mapping(value: unknown): Readonly<Record<string, unknown>> {
  return isMapping(value) ? value : {};
}

export function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
