import { ClientAuthMemory } from '../client-auth.ts';
import { BoundedMap } from './bounded-map.ts';
import { DpopNonces } from './dpop.ts';
import { MetadataCache } from './metadata.ts';

/** Clocks may differ by so much before it matters: servers allow for some seconds. ms. */
export const CLOCK_SLACK_MS = 10_000;
const MAX_CLOCKS = 1_000;

/**
 * What a process has learnt about authorization servers. In memory only: learning it again costs a request that spends
 * nothing.
 */
export class OauthMemory {
  readonly clientAuths: ClientAuthMemory;
  readonly metadata: MetadataCache;
  /** Nonces of token endpoints. */
  readonly nonces = new DpopNonces();
  readonly #clocks = new BoundedMap<number>(MAX_CLOCKS);

  /** `onTokenEndpoint`: is told the token endpoints that metadata names. */
  constructor(clientAuths = new ClientAuthMemory(), onTokenEndpoint?: (url: URL) => void) {
    this.clientAuths = clientAuths;
    this.metadata = new MetadataCache(onTokenEndpoint);
  }

  /** By how much the endpoint's clock is ahead of this process's; 0 within what servers allow for. ms. */
  clockOffset(origin: string): number {
    return this.#clocks.get(origin) ?? 0;
  }

  /** Notes the Date of an endpoint's response that arrived at `now`. */
  noteDate(origin: string, date: string | undefined, now: number): void {
    const offset = Date.parse(date ?? '') - now;
    if (Number.isNaN(offset)) return;
    if (Math.abs(offset) > CLOCK_SLACK_MS) this.#clocks.set(origin, offset);
    else this.#clocks.delete(origin);
  }
}
