/** One route's upgraded connections as plain numbers, like RouteStats. */
export class UpgradeStats {
  open = 0;
  total = 0;
  toUpstream = 0;
  toClient = 0;
  /** How many have ended, by how. */
  readonly ended = new Map<string, number>();

  /** `ends`: every way in which one may end. */
  constructor(ends: readonly string[]) {
    for (const end of ends) this.ended.set(end, 0);
  }

  countEnd(end: string): void {
    this.open -= 1;
    this.ended.set(end, (this.ended.get(end) ?? 0) + 1);
  }
}
