import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Attributes,
  type Context,
  type Span,
  type SpanContext,
  type Tracer,
} from '@opentelemetry/api';
import type { RequestTrace, TokenWait, TracedAttempt, TracedRequest } from '../request-trace.ts';
import type { Waits } from './waits.ts';

/** Methods that have a name of their own in spans; every other one is `_OTHER`. (OpenTelemetry's HTTP conventions.) */
const METHODS: ReadonlySet<string> = new Set('CONNECT DELETE GET HEAD OPTIONS PATCH POST PUT TRACE QUERY'.split(' '));
/** Of a Host. */
const MAX_HOST = 255;

/** A request of which nothing is recorded: its ids travel on, so that all parts of its trace know the decision. */
export class UnrecordedRequest implements RequestTrace {
  readonly #context: SpanContext;
  readonly state: string | undefined;
  readonly sampled = false;

  constructor(context: SpanContext, state: string | undefined) {
    this.#context = context;
    this.state = state;
  }

  get traceId(): string {
    return this.#context.traceId;
  }

  get spanId(): string {
    return this.#context.spanId;
  }

  beginAttempt(): string {
    return traceParentOf(this.#context);
  }

  attemptFailed(): void {
    // Nothing is recorded.
  }

  endAttempt(): void {
    // Nothing is recorded.
  }

  waitForToken(): undefined {
    return undefined;
  }

  end(): void {
    // Nothing is recorded.
  }
}

/** A request with spans: its own, and below it one for each attempt and for each wait for a token. */
export class RecordedRequest implements RequestTrace {
  readonly #span: Span;
  readonly #tracer: Tracer;
  readonly #waits: Waits;
  readonly #context: Context;
  readonly state: string | undefined;
  readonly sampled = true;
  #attempt: Span | undefined;
  #attemptError: string | undefined;

  constructor(span: Span, state: string | undefined, tracer: Tracer, waits: Waits) {
    this.#span = span;
    this.#tracer = tracer;
    this.#waits = waits;
    this.#context = trace.setSpan(ROOT_CONTEXT, span);
    this.state = state;
  }

  get traceId(): string {
    return this.#span.spanContext().traceId;
  }

  get spanId(): string {
    return this.#span.spanContext().spanId;
  }

  beginAttempt({ at, method, origin, generation }: TracedAttempt): string {
    this.#attemptError = undefined;
    const { protocol, hostname, port } = new URL(origin);
    const options = {
      kind: SpanKind.CLIENT,
      startTime: at,
      attributes: {
        ...methodOf(method),
        'server.address': hostname,
        'server.port': port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port),
        'url.scheme': protocol.slice(0, -1),
        ...(generation !== undefined && { 'tokenward.generation': generation }),
      },
    };
    this.#attempt = this.#tracer.startSpan(nameOf(method), options, this.#context);
    return traceParentOf(this.#attempt.spanContext());
  }

  attemptFailed(code: string): void {
    this.#attemptError = code;
  }

  endAttempt(at: number, status: number | undefined, resends: number): void {
    const span = this.#attempt;
    if (span === undefined) return;
    this.#attempt = undefined;
    if (status !== undefined) span.setAttribute('http.response.status_code', status);
    if (resends > 0) span.setAttribute('http.request.resend_count', resends);
    const error =
      this.#attemptError ?? (status === undefined || status >= 400 ? String(status ?? 'cancelled') : undefined);
    if (error !== undefined) {
      span.setAttribute('error.type', error);
      span.setStatus({ code: SpanStatusCode.ERROR });
    }
    span.end(at);
  }

  waitForToken(account: string | undefined, from: number): TokenWait {
    const attributes: Attributes = account === undefined ? {} : { 'tokenward.account': account };
    const span = this.#tracer.startSpan('token wait', { startTime: from, attributes }, this.#context);
    return this.#waits.begin(account, span);
  }

  end(request: TracedRequest): void {
    const { errorCode, errorSource, status, route, method } = request;
    const [address, port] = hostAndPort(request.host);
    const error =
      errorCode ?? (status >= 500 ? String(status) : errorSource && status < 400 ? 'broken_off' : undefined);
    this.#span.updateName(route === undefined ? nameOf(method) : `${nameOf(method)} ${route}`);
    this.#span.setAttributes({
      ...methodOf(method),
      'url.path': request.path,
      'url.scheme': request.scheme,
      'http.response.status_code': status,
      ...(address !== '' && { 'server.address': address }),
      ...(port !== undefined && { 'server.port': port }),
      ...(request.client !== undefined && { 'client.address': request.client }),
      ...(error !== undefined && { 'error.type': error }),
      'tokenward.request_id': request.requestId,
      ...(route !== undefined && { 'tokenward.route': route }),
      ...(request.account !== undefined && { 'tokenward.account': request.account }),
      ...(request.caller !== undefined && { 'tokenward.caller': request.caller }),
      ...(errorSource !== undefined && { 'tokenward.error_source': errorSource }),
      ...(request.generation !== undefined && { 'tokenward.generation': request.generation }),
      'tokenward.attempts': request.attempts,
      ...(request.ownMs !== undefined && { 'tokenward.own_ms': Math.round(request.ownMs * 1000) / 1000 }),
    });
    // What the client did wrong is no error of a server's span.
    if (error !== undefined && (status >= 500 || status < 400)) this.#span.setStatus({ code: SpanStatusCode.ERROR });
    this.#span.end(request.endedAt);
  }
}

/** W3C Trace Context §3.2. */
function traceParentOf({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${(traceFlags & TraceFlags.SAMPLED) === 0 ? '00' : '01'}`;
}

/** A span's name must not be of any length and number. */
function nameOf(method: string): string {
  return METHODS.has(method) ? method : 'HTTP';
}

function methodOf(method: string): Attributes {
  if (METHODS.has(method)) return { 'http.request.method': method };
  return { 'http.request.method': '_OTHER', 'http.request.method_original': method.slice(0, 40) };
}

function hostAndPort(host: string): [string, number | undefined] {
  const [, name = '', port] = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(host) ?? [];
  return [name.slice(0, MAX_HOST), port === undefined ? undefined : Number(port)];
}
