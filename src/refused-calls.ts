/** A call that was refused although a line of configuration would have allowed it. */
export interface RefusedCall {
  /** Undefined: callers are not authenticated, or this one has sent no valid key. */
  readonly caller?: string;
  /** `host`: no route names it. `route`: none matches the path. `policy`: the route's policy does not allow it. */
  readonly kind: 'host' | 'policy' | 'route';
  /** The name of the route. */
  readonly route?: string;
  /** With a port unless it is the scheme's own. */
  readonly host?: string;
  readonly method?: string;
  /** Without a query; `*` for a segment that is no plain word. */
  readonly path?: string;
  readonly count: number;
  /** Wall clock, ms. */
  readonly firstAt: number;
  readonly lastAt: number;
  /** YAML that allows the call when it is merged into the configuration. */
  readonly patch: string;
}

/** What tells one refused call from another. */
export type CallIdentity = Pick<RefusedCall, 'caller' | 'kind' | 'route' | 'host' | 'method' | 'path'>;

/** Kept, and shown, at most. */
export const MAX_REFUSED_CALLS = 100;

/**
 * The calls that this process has refused, for a person who decides what to allow. In memory, and bounded: whoever
 * sends refused calls decides what is in it.
 */
export class RefusedCalls {
  readonly #now: () => number;
  /** The one that was seen longest ago first. */
  readonly #calls = new Map<string, RefusedCall>();

  /** `now`: wall clock, ms. */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** `patch` is asked for once for each call. Every text of `call` is printable ASCII and short. */
  note(call: CallIdentity, patch: () => string): void {
    const key = keyOf(call);
    const known = this.#calls.get(key);
    const now = this.#now();
    this.#calls.delete(key);
    this.#calls.set(
      key,
      known === undefined
        ? { ...call, count: 1, firstAt: now, lastAt: now, patch: patch() }
        : { ...known, count: known.count + 1, lastAt: now },
    );
    if (this.#calls.size > MAX_REFUSED_CALLS) this.#drop();
  }

  /** The newest first. */
  list(): RefusedCall[] {
    return [...this.#calls.values()].reverse();
  }

  /** The oldest of the caller that has most of them: one that scans cannot push out what the others asked for. */
  #drop(): void {
    const numbers = new Map<string | undefined, number>();
    for (const { caller } of this.#calls.values()) numbers.set(caller, (numbers.get(caller) ?? 0) + 1);
    const most = Math.max(...numbers.values());
    for (const [key, { caller }] of this.#calls) {
      if (numbers.get(caller) !== most) continue;
      this.#calls.delete(key);
      return;
    }
  }
}

/** The lists of several processes as one; the newest first. */
export function sumOfRefusedCalls(lists: readonly (readonly RefusedCall[])[]): RefusedCall[] {
  const sums = new Map<string, RefusedCall>();
  for (const call of lists.flat()) {
    const key = keyOf(call);
    const other = sums.get(key);
    sums.set(
      key,
      other === undefined
        ? call
        : {
            ...call,
            count: call.count + other.count,
            firstAt: Math.min(call.firstAt, other.firstAt),
            lastAt: Math.max(call.lastAt, other.lastAt),
          },
    );
  }
  return [...sums.values()].sort((a, b) => b.lastAt - a.lastAt).slice(0, MAX_REFUSED_CALLS);
}

function keyOf({ caller, kind, route, host, method, path }: CallIdentity): string {
  return JSON.stringify([caller, kind, route, host, method, path]);
}
