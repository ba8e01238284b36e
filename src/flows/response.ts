import { ResponseContent } from './content.ts';

/** The complete response of a token endpoint. Header names in lower case. */
export interface TokenResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** The values of its Set-Cookie fields. */
  readonly setCookie?: readonly string[];
  readonly body: string;
}

/** The same as locators and rules look at it. */
export class ReadResponse extends ResponseContent {
  readonly raw: TokenResponse;

  constructor(raw: TokenResponse) {
    super(
      raw.status,
      (name) => raw.headers[name],
      () => raw.body,
      raw.setCookie,
    );
    this.raw = raw;
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
