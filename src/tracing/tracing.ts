import { randomUUID } from 'node:crypto';
import {
  createTraceState,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Attributes,
  type Link,
  type Tracer,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { TRACES_STOP_MS } from '../deadlines.ts';
import type { ParentSpan, RequestTrace, TracedRenewal, Tracing } from '../request-trace.ts';
import { VERSION } from '../version.ts';
import { ExportQueue, type ExportObserver } from './export-queue.ts';
import { RecordedRequest, UnrecordedRequest } from './request-spans.ts';
import { samplerOf } from './sampler.ts';
import { Waits } from './waits.ts';

/** One request to the endpoint, with its repeats. ms. */
const EXPORT_MS = 10_000;
/** Requests to the endpoint at once: a slow one is not made slower. */
const MAX_EXPORTS = 4;

/** Where spans go, and what they say of this process. */
export interface TracingOptions {
  /** OTLP over HTTP, with its path. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The share of the traces beginning here that are recorded; 0 to 1. */
  readonly sample: number;
  readonly service: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** The number of this worker process. */
  readonly worker: number | undefined;
  readonly observer: ExportObserver;
}

/**
 * Spans by the OpenTelemetry SDK. Nothing of it is global and nothing is instrumented: what tokenward sends on its own
 * behalf has no spans, and code that is loaded into the process meets none.
 */
export class OtlpTracing implements Tracing {
  readonly #provider: TracerProvider;
  readonly #queue: ExportQueue;
  readonly #observer: ExportObserver;
  readonly #tracer: Tracer;
  readonly #waits = new Waits();

  constructor({ url, headers, sample, service, attributes, worker, observer }: TracingOptions) {
    const exporter = new OTLPTraceExporter({
      url,
      headers: { ...headers },
      timeoutMillis: EXPORT_MS,
      concurrencyLimit: MAX_EXPORTS,
    });
    this.#queue = new ExportQueue(exporter, observer);
    this.#observer = observer;
    this.#provider = new TracerProvider({
      resource: defaultResource().merge(
        resourceFromAttributes({
          'service.version': VERSION,
          'service.instance.id': randomUUID(),
          'process.pid': process.pid,
          ...(worker !== undefined && { 'tokenward.worker': worker }),
          ...attributes,
          'service.name': service,
        }),
      ),
      sampler: samplerOf(sample),
      spanProcessors: [this.#queue],
    });
    this.#tracer = this.#provider.getTracer('tokenward', VERSION);
  }

  begin(parent: ParentSpan | undefined, state: string | undefined, startedAt: number): RequestTrace {
    const context =
      parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, remoteContext(parent, state));
    const span = this.#tracer.startSpan('request', { kind: SpanKind.SERVER, startTime: startedAt }, context);
    const carried = parent === undefined ? undefined : state;
    return span.isRecording()
      ? new RecordedRequest(span, carried, this.#tracer, this.#waits)
      : new UnrecordedRequest(span.spanContext(), carried);
  }

  renewed({ account, flow, kind, cause, outcome, reason, seconds, generation, request }: TracedRenewal): void {
    const links: Link[] = this.#waits.linksOf(account);
    // One that was begun early has nobody waiting for it.
    if (request !== undefined && links.every((link) => link.context.traceId !== request.traceId))
      links.push({ context: remoteContext(request, undefined) });
    const attributes: Attributes = {
      'tokenward.account': account,
      'tokenward.flow': flow,
      'tokenward.renewal.kind': kind,
      'tokenward.renewal.cause': cause,
      'tokenward.renewal.outcome': outcome,
      ...(generation !== undefined && { 'tokenward.generation': generation }),
      ...(outcome !== 'granted' && { 'error.type': outcome }),
    };
    const now = performance.now();
    const options = { root: true, startTime: now - seconds * 1000, attributes, links };
    const span = this.#tracer.startSpan(`renewal by ${kind}`, options, ROOT_CONTEXT);
    if (!span.isRecording()) return;
    this.#waits.linkTo(account, span.spanContext());
    if (outcome !== 'granted') span.setStatus({ code: SpanStatusCode.ERROR, message: reason });
    span.end(now);
  }

  async close(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => (timer = setTimeout(resolve, TRACES_STOP_MS)));
    await Promise.race([this.#provider.shutdown().catch(() => undefined), limit]);
    clearTimeout(timer);
    if (this.#queue.waiting > 0) this.#observer.failed(this.#queue.waiting, 'the process ends');
  }
}

function remoteContext({ traceId, spanId, sampled }: ParentSpan, state: string | undefined) {
  return {
    traceId,
    spanId,
    traceFlags: sampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
    isRemote: true,
    ...(state !== undefined && { traceState: createTraceState(state) }),
  };
}
