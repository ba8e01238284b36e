import { isDeepStrictEqual } from 'node:util';
import type { LoadedConfig } from '../config/load.ts';
import type { Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import type { Tracing } from '../request-trace.ts';
import { openTracing } from './open-tracing.ts';

/** How long requests that began before a reload may still end their spans. ms. */
const RETIRED_MS = 30_000;

type Configured = Pick<LoadedConfig, 'tracing'>;

interface Surroundings {
  readonly log: Logger;
  readonly metrics: Metrics;
  /** The number of this worker process. */
  readonly worker: number | undefined;
}

/** What makes spans now, and what made them before a reload, for requests that are still in flight. */
export class TracingInUse {
  readonly #surroundings: Surroundings;
  #settings: LoadedConfig['tracing'];
  #current: Tracing | undefined;
  readonly #retired = new Set<Tracing>();

  private constructor(surroundings: Surroundings, { tracing }: Configured, current: Tracing | undefined) {
    this.#surroundings = surroundings;
    this.#settings = tracing;
    this.#current = current;
  }

  /** Rejects with a TracingError. */
  static async open(config: Configured, surroundings: Surroundings): Promise<TracingInUse> {
    return new TracingInUse(surroundings, config, await open(config, surroundings));
  }

  /** Undefined: tracing is not configured. */
  get current(): Tracing | undefined {
    return this.#current;
  }

  /** Returns a function that takes another configuration into use. Rejects with a TracingError. */
  async prepare(config: Configured): Promise<() => void> {
    if (isDeepStrictEqual(config.tracing, this.#settings)) return () => undefined;
    const next = await open(config, this.#surroundings);
    return () => {
      const former = this.#current;
      this.#current = next;
      this.#settings = config.tracing;
      if (former !== undefined) this.#retire(former);
    };
  }

  /** Sends what is left. */
  async close(): Promise<void> {
    await Promise.all([this.#current, ...this.#retired].map((one) => one?.close() ?? Promise.resolve()));
  }

  #retire(former: Tracing): void {
    this.#retired.add(former);
    setTimeout(() => {
      this.#retired.delete(former);
      void former.close();
    }, RETIRED_MS).unref();
  }
}

function open(config: Configured, { log, metrics, worker }: Surroundings): Promise<Tracing | undefined> {
  return openTracing(config, log, metrics, worker);
}
