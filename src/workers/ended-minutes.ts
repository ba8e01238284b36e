import { sumOfMinutes, type CountedMinute } from '../operator/minutes.ts';
import type { ProcessRoute } from '../operator/status-document.ts';

const HOUR_MS = 60 * 60_000;

/** The last hour of each route, as far as workers served it that have ended: a reload must not empty the charts. */
export class EndedMinutes {
  #routes = new Map<string, CountedMinute[]>();

  addEnded(routes: readonly ProcessRoute[]): void {
    const newest = Math.max(0, ...routes.map(({ minutes }) => minutes.at(-1)?.at ?? 0));
    for (const { prefix, minutes } of routes) {
      if (minutes.length > 0) this.#routes.set(prefix, sumOfMinutes([this.of(prefix, newest), minutes]));
    }
  }

  /** `now`: wall clock, ms. */
  of(route: string, now: number): CountedMinute[] {
    return (this.#routes.get(route) ?? []).filter(({ at }) => at > now - HOUR_MS);
  }
}
