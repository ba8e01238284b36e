/** How long an exemplar stays: an ordinary one, and that of a healed request. ms. */
const EXEMPLAR_MS = 15_000;
const HEALED_MS = 300_000;

/** One request of many, by which its log lines and its trace are found. */
export interface Exemplar {
  readonly requestId: string;
  readonly traceId: string | undefined;
  readonly seconds: number;
  /** It was sent again after a renewal. */
  readonly healed: boolean;
  /** By the clock of `wantsExemplar`, and by the wall clock. ms. */
  readonly keptAt: number;
  readonly at: number;
}

/** Durations of one kind, as plain numbers by bucket: counting one costs a few additions. */
export class Distribution {
  /** By bucket: a request that took so long. */
  readonly exemplars: (Exemplar | undefined)[];
  /** Upper bounds, ascending. Seconds. */
  readonly bounds: readonly number[];
  /** One more than bounds: the last is for everything beyond. */
  readonly counts: number[];
  sum = 0;
  count = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Array<number>(bounds.length + 1).fill(0);
    this.exemplars = new Array<Exemplar | undefined>(bounds.length + 1).fill(undefined);
  }

  /** Counts one duration, in seconds. Returns the index of its bucket. */
  add(seconds: number): number {
    const { bounds } = this;
    this.sum += seconds;
    this.count += 1;
    let bucket = 0;
    while (bucket < bounds.length && seconds > bounds[bucket]!) bucket += 1;
    this.counts[bucket]! += 1;
    return bucket;
  }

  /**
   * Whether a request is to be kept as the bucket's exemplar: now and then one, and a healed one in any case, which
   * stays for a while. `now`: ms of any clock that all calls use.
   */
  wantsExemplar(bucket: number, healed: boolean, now: number): boolean {
    const kept = this.exemplars[bucket];
    return kept === undefined || healed || now - kept.keptAt > (kept.healed ? HEALED_MS : EXEMPLAR_MS);
  }

  /** Adds the counts of another distribution with the same bounds. */
  merge(other: Distribution): void {
    this.sum += other.sum;
    this.count += other.count;
    for (let bucket = 0; bucket < this.counts.length; bucket += 1) this.counts[bucket]! += other.counts[bucket]!;
  }
}
