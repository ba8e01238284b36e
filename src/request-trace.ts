import type { ErrorSource } from './access-log.ts';

/** A span of another process: the caller's. */
export interface ParentSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
}

/** What makes the spans of one configuration. All times of this file are by performance.now(), in ms. */
export interface Tracing {
  /** Begins a request's span. `parent`: undefined: the trace begins here. `state`: the caller's `tracestate`. */
  begin(parent: ParentSpan | undefined, state: string | undefined, startedAt: number): RequestTrace;
  /** A call to a token endpoint has ended just now. */
  renewed(call: TracedRenewal): void;
  /** Sends what is left, and stops. Resolves in `TRACES_STOP_MS` at most. */
  close(): Promise<void>;
}

/** The spans of one request. */
export interface RequestTrace {
  readonly traceId: string;
  readonly spanId: string;
  /** False: nothing of it is recorded, and its ids only travel on. */
  readonly sampled: boolean;
  /** The caller's `tracestate`, for the upstream. Undefined: there is none, or the trace begins here. */
  readonly state: string | undefined;
  /** Begins the span of an attempt. Returns the `traceparent` for the upstream. */
  beginAttempt(attempt: TracedAttempt): string;
  /** The attempt under way fails with this error code, which its end will tell. */
  attemptFailed(code: string): void;
  /** Ends the attempt under way, if there is one. `status`: undefined: there was no response. */
  endAttempt(at: number, status: number | undefined, resends: number): void;
  /** The request waits for a token of this account. Undefined: nothing is recorded. */
  waitForToken(account: string | undefined, from: number): TokenWait | undefined;
  /** The request is over. */
  end(request: TracedRequest): void;
}

/** A wait for a token that is under way. */
export interface TokenWait {
  /** `failed`: there is none. */
  end(at: number, failed: boolean): void;
}

/** An attempt as it begins. */
export interface TracedAttempt {
  readonly at: number;
  readonly method: string;
  /** Scheme, host and port of the upstream. */
  readonly origin: string;
  /** Of the token that is sent. */
  readonly generation: number | undefined;
}

/** A request that is over; without secrets. */
export interface TracedRequest {
  readonly endedAt: number;
  readonly requestId: string;
  readonly method: string;
  readonly path: string;
  readonly scheme: 'http' | 'https';
  /** The Host that the client asked for. */
  readonly host: string;
  readonly client: string | undefined;
  readonly status: number;
  readonly errorCode: string | undefined;
  readonly errorSource: ErrorSource | undefined;
  readonly route: string | undefined;
  readonly account: string | undefined;
  readonly caller: string | undefined;
  readonly generation: number | undefined;
  readonly attempts: number;
  readonly ownMs: number | undefined;
}

/** A call to a token endpoint; without secrets. */
export interface TracedRenewal {
  readonly account: string;
  readonly flow: string;
  readonly kind: string;
  readonly cause: string;
  readonly outcome: string;
  /** Why no token was granted; empty: one was. */
  readonly reason: string;
  readonly seconds: number;
  readonly generation: number | undefined;
  /** The span of the request that it was begun for. */
  readonly request: ParentSpan | undefined;
}
