import { SpanStatusCode, type Link, type Span, type SpanContext } from '@opentelemetry/api';
import type { TokenWait } from '../request-trace.ts';

/** Links of one span: as many as the SDK keeps. */
const MAX_LINKS = 128;

/**
 * Recorded requests that wait for a token, by account. One renewal serves many of them, so that it can be a part of
 * none of their traces: it links to those that wait for it, and each of them to it.
 */
export class Waits {
  readonly #spans = new Map<string, Set<Span>>();

  /** `span`: of the wait. */
  begin(account: string | undefined, span: Span): TokenWait {
    if (account !== undefined) {
      const spans = this.#spans.get(account);
      if (spans === undefined) this.#spans.set(account, new Set([span]));
      else spans.add(span);
    }
    return {
      end: (at, failed) => {
        if (account !== undefined) this.#leave(account, span);
        if (failed) span.setStatus({ code: SpanStatusCode.ERROR });
        span.end(at);
      },
    };
  }

  /** Links to the requests that wait for a token of this account. */
  linksOf(account: string): Link[] {
    const links: Link[] = [];
    for (const span of this.#spans.get(account) ?? []) {
      if (links.length === MAX_LINKS) break;
      links.push({ context: span.spanContext() });
    }
    return links;
  }

  /** A call to the token endpoint that these requests wait for has ended. */
  linkTo(account: string, renewal: SpanContext): void {
    for (const span of this.#spans.get(account) ?? []) span.addLink({ context: renewal });
  }

  #leave(account: string, span: Span): void {
    const spans = this.#spans.get(account);
    spans?.delete(span);
    if (spans?.size === 0) this.#spans.delete(account);
  }
}
