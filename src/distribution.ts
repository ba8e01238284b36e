/** Durations of one kind, as plain numbers by bucket: counting one costs a few additions. */
export class Distribution {
  /** Upper bounds, ascending. Seconds. */
  readonly bounds: readonly number[];
  /** One more than bounds: the last is for everything beyond. */
  readonly counts: number[];
  sum = 0;
  count = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Array<number>(bounds.length + 1).fill(0);
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

  /** Adds the counts of another distribution with the same bounds. */
  merge(other: Distribution): void {
    this.sum += other.sum;
    this.count += other.count;
    for (let bucket = 0; bucket < this.counts.length; bucket += 1) this.counts[bucket]! += other.counts[bucket]!;
  }
}
