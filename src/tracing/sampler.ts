import { TraceFlags, type Attributes, type Context, type Link, type SpanKind } from '@opentelemetry/api';
import {
  ParentBasedSampler,
  SamplingDecision,
  TraceIdRatioBasedSampler,
  type Sampler,
  type SamplingResult,
} from '@opentelemetry/sdk-trace';

/** Whether a trace that begins here is recorded: its share of all, and what a recorded span leads to. */
class RootSampler implements Sampler {
  readonly #share: Sampler;

  constructor(share: number) {
    this.#share = new TraceIdRatioBasedSampler(share);
  }

  shouldSample(
    context: Context,
    traceId: string,
    name: string,
    kind: SpanKind,
    attributes: Attributes,
    links: Link[],
  ): SamplingResult {
    // A renewal has a trace of its own. Whoever follows a recorded request must find it.
    if (links.some((link) => (link.context.traceFlags & TraceFlags.SAMPLED) !== 0))
      return { decision: SamplingDecision.RECORD_AND_SAMPLED };
    return this.#share.shouldSample(context, traceId, name, kind, attributes, links);
  }

  toString(): string {
    return `Root(${this.#share.toString()})`;
  }
}

/** The caller's decision where there is one; otherwise `share` of the traces, 0 to 1. */
export function samplerOf(share: number): Sampler {
  return new ParentBasedSampler({ root: new RootSampler(share) });
}
