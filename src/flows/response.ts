import type { MatchedResponse } from './match.ts';

/** The complete response of a token endpoint. Header names in lower case. */
export interface TokenResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

/** The same as rules match it. */
export interface ReadResponse extends MatchedResponse {
  readonly raw: TokenResponse;
  /** The parsed body; undefined if it is not JSON. */
  readonly json: unknown;
}

export function readResponse(raw: TokenResponse): ReadResponse {
  const json = parseJson(raw.body);
  return { raw, json, status: raw.status, header: (name) => raw.headers[name], body: () => json };
}

/** The parsed JSON, or undefined. A byte order mark is ignored. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text) as unknown;
  } catch {
    return undefined;
  }
}

/** An object or a list, as APIs send it. A block page of a firewall or proxy is neither. */
export function isDocument(json: unknown): json is object {
  return typeof json === 'object' && json !== null;
}

/** The Retry-After of the response in seconds, if it has one that is later than now. `now`: wall clock, ms. */
export function retryAfterOf({ headers }: TokenResponse, now: number): number | undefined {
  const value = headers['retry-after'];
  if (value === undefined || value.trim() === '') return undefined;
  const plain = Number(value);
  const seconds = Number.isNaN(plain) ? (Date.parse(value) - now) / 1000 : plain;
  return Number.isFinite(seconds) && seconds > 0 ? seconds : undefined;
}
