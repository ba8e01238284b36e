import type { Socket } from 'node:net';
import { traffic } from './socket.ts';

/**
 * Interval at which limits are checked. Setting the socket's timer for every limit costs 3 % of a small request. ms.
 */
const CHECK_INTERVAL_MS = 500;

/**
 * Reports a socket that has been silent for longer than its limit. The limit changes several times per request, so it
 * is a field and not a timer.
 */
export class SilenceTimer {
  /** How long the socket may be silent in its current state; 0: no limit. ms. */
  limitMs = 0;
  /** Start of the silence, as far as known. Monotonic ms. */
  quietSince = performance.now();
  readonly #socket: Socket;
  readonly #onSilence: () => void;
  /** Result of `traffic` at the previous check. */
  #lastTraffic = '';
  /** The check interval, and the time until the next check. ms. */
  readonly #intervalMs: number;
  #nextCheckMs: number;

  /** `limits`: the values that `limitMs` will take. The interval divides them evenly. ms; 0: no limit. */
  constructor(socket: Socket, limits: readonly number[], onSilence: () => void) {
    this.#socket = socket;
    this.#onSilence = onSilence;
    this.#intervalMs = Math.min(
      ...limits.filter((limitMs) => limitMs > 0).map((limitMs) => limitMs / Math.ceil(limitMs / CHECK_INTERVAL_MS)),
    );
    this.#nextCheckMs = this.#intervalMs;
    // Node restarts this timer at each byte, in either direction.
    socket.setTimeout(this.#intervalMs);
    socket.on('timeout', () => this.#check());
  }

  /** No byte for as long as the timer was set; longer, if the process was blocked. */
  #check(): void {
    const socket = this.#socket;
    const now = performance.now();
    const current = traffic(socket);
    // There was traffic since the previous check, at the latest when the timer was set. A late check extends the limit
    // by its own delay at most.
    if (current !== this.#lastTraffic) this.quietSince = Math.max(this.quietSince, now - this.#nextCheckMs);
    this.#lastTraffic = current;
    const remainingMs = this.limitMs > 0 ? this.limitMs - (now - this.quietSince) : Infinity;
    // The timer does not repeat.
    this.#nextCheckMs = remainingMs > 0 ? Math.min(this.#intervalMs, Math.ceil(remainingMs)) : this.#intervalMs;
    socket.setTimeout(this.#nextCheckMs);
    if (remainingMs > 0) return;
    const since = this.quietSince;
    // Timers run before reads: bytes that came while this process was blocked are read first, and end the silence.
    setImmediate(() => {
      if (!socket.destroyed && traffic(socket) === current && this.quietSince === since) this.#onSilence();
    });
  }
}
