/** Whose error a response is: tokenward's own, the upstream's, or the client's. */
export type ErrorSource = 'tokenward' | 'upstream' | 'client';

/** The only things that an access line can hold. */
export interface AccessEntry {
  /** Wall clock, ms. */
  readonly at: number;
  readonly requestId: string;
  readonly traceId: string | undefined;
  /** Undefined: the request was not well-formed HTTP. */
  readonly method: string | undefined;
  /** Without secrets: see shown-target.ts. */
  readonly path: string | undefined;
  readonly query: string | undefined;
  readonly status: number;
  readonly client: string | undefined;
  readonly caller: string | undefined;
  readonly route: string | undefined;
  readonly account: string | undefined;
  readonly errorCode: string | undefined;
  readonly errorSource: ErrorSource | undefined;
  /** Of the token that was sent last. */
  readonly generation: number | undefined;
  readonly attempts: number;
  /** ms. */
  readonly durationMs: number;
  readonly tokenWaitMs: number;
  readonly upstreamMs: number;
  readonly ownMs: number | undefined;
  /** Of the bodies. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** What the upstream calls the request. */
  readonly upstreamRequestId: string | undefined;
}

/** Where lines go. */
export interface LineSink {
  /** False: it was dropped. */
  write(line: string): boolean;
  /** Resolves when all lines are written. */
  close(): Promise<void>;
}

/** How they get there. */
export interface AccessOutput {
  readonly lines: LineSink;
  /** Colours, for lines that people read. Undefined: JSON. */
  readonly paint: ((text: string, colour: 'dim' | 'red' | 'green' | 'cyan') => string) | undefined;
}

export interface AccessLogOptions {
  readonly requests: 'all' | 'errors';
  /** The share of the requests without an error that have a line; 0 to 1. */
  readonly sample: number;
  /** Lines a second; undefined: no limit. */
  readonly perSecond: number | undefined;
  readonly withQuery: boolean;
  /** Whether the configuration holds this text as a secret. */
  readonly isSecret: (text: string) => boolean;
  readonly format: (entry: AccessEntry) => string;
  readonly sink: LineSink;
  readonly onDropped: (reason: DropReason) => void;
}

/** Why a line was dropped; values of a metric's label. */
export const DROP_REASONS = ['limit', 'backlog'] as const;
export type DropReason = (typeof DROP_REASONS)[number];

/** Default of `perSecond` where only errors have lines: a trouble of the upstream must not fill a disk. */
const ERRORS_PER_SECOND = 100;

/** One line for each request, or for some. */
export class AccessLog {
  readonly #options: AccessLogOptions;
  readonly #perSecond: number;
  #second = 0;
  #lines = 0;

  constructor(options: AccessLogOptions) {
    this.#options = options;
    this.#perSecond = options.perSecond ?? (options.requests === 'errors' ? ERRORS_PER_SECOND : Infinity);
  }

  get withQuery(): boolean {
    return this.#options.withQuery;
  }

  get isSecret(): (text: string) => boolean {
    return this.#options.isSecret;
  }

  /** Whether a request has a line. Asked before the line is made, which costs more. */
  wants(failed: boolean): boolean {
    if (failed) return true;
    const { requests, sample } = this.#options;
    return requests === 'all' && (sample === 1 || Math.random() < sample);
  }

  write(entry: AccessEntry): void {
    const second = Math.floor(entry.at / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#lines = 0;
    }
    this.#lines += 1;
    const { sink, format, onDropped } = this.#options;
    if (this.#lines > this.#perSecond) onDropped('limit');
    else if (!sink.write(format(entry))) onDropped('backlog');
  }

  close(): Promise<void> {
    return this.#options.sink.close();
  }
}
