import { BatchSpanProcessor, type ReadableSpan, type SpanExporter, type SpanProcessor } from '@opentelemetry/sdk-trace';

/** Spans that wait for the endpoint, with those of the batch under way: 10 MB at most. */
const MAX_QUEUED = 4_096;
/** Spans of one request to it: they are written in one piece, which other requests wait for (2 ms). */
const MAX_BATCH = 256;
/** How long spans wait for others. ms. */
const BATCH_MS = 1_000;
/** After this time a batch is given up, and the next one begins. ms. */
const GIVE_UP_MS = 15_000;

type ExportResult = Parameters<Parameters<SpanExporter['export']>[1]>[0];
/** `ExportResultCode.SUCCESS`, whose package nothing else here needs. */
const SUCCESS = 0 as unknown as ExportResult['code'];

/** What became of spans. */
export interface ExportObserver {
  /** These have arrived. */
  exported(spans: number): void;
  /** There was no room: the endpoint takes fewer than there are. */
  overflowed(spans: number): void;
  /** These are lost: the endpoint does not take them. `reason`: for people, nothing of what it said. */
  failed(spans: number, reason: string): void;
}

/**
 * The SDK's own batches, with a count of what is dropped. Spans wait here for the endpoint, never a request: what does
 * not fit is dropped.
 */
export class ExportQueue implements SpanProcessor {
  readonly #observer: ExportObserver;
  readonly #batches: SpanProcessor;
  /** Spans that the batches hold. */
  #waiting = 0;
  #closed = false;

  constructor(exporter: SpanExporter, observer: ExportObserver) {
    this.#observer = observer;
    this.#batches = new BatchSpanProcessor({
      exporter: this.#counting(exporter),
      maxQueueSize: MAX_QUEUED,
      maxExportBatchSize: MAX_BATCH,
      scheduledDelayMillis: BATCH_MS,
      exportTimeoutMillis: GIVE_UP_MS,
    });
  }

  onStart(): void {
    // Spans concern the endpoint when they end.
  }

  onEnd(span: ReadableSpan): void {
    if (this.#closed || this.#waiting >= MAX_QUEUED) {
      this.#observer.overflowed(1);
      return;
    }
    this.#waiting += 1;
    this.#batches.onEnd(span);
  }

  forceFlush(): Promise<void> {
    return this.#batches.forceFlush();
  }

  shutdown(): Promise<void> {
    this.#closed = true;
    return this.#batches.shutdown();
  }

  /** The number of spans that no endpoint has taken yet. */
  get waiting(): number {
    return this.#waiting;
  }

  #counting(exporter: SpanExporter): SpanExporter {
    return {
      export: (spans, done) => {
        exporter.export(spans, ({ error }) => {
          this.#waiting -= spans.length;
          if (error === undefined) this.#observer.exported(spans.length);
          else this.#observer.failed(spans.length, reasonOf(error));
          // The batches would only report the failure a second time, to a log of the SDK's own.
          done({ code: SUCCESS });
        });
      },
      shutdown: () => exporter.shutdown(),
      forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
    };
  }
}

/** In words of our own: what an endpoint says may repeat what it was sent, header fields with secrets among them. */
function reasonOf(error: unknown): string {
  const { code, message } = (error ?? {}) as { readonly code?: unknown; readonly message?: unknown };
  if (typeof code === 'number') return `HTTP ${code}`;
  if (typeof code === 'string' && /^[A-Z][A-Z0-9_]{2,60}$/.test(code)) return code;
  if (message === 'Request timed out') return 'it does not respond in time';
  if (message === 'Export failed with retryable status') return 'it is busy (HTTP 429, 502, 503 or 504)';
  return 'it cannot be reached';
}
