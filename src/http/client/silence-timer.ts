import type { Socket } from 'node:net';
import { traffic } from './socket.ts';

/**
 * Limits are checked about this often. Setting the socket's timer anew for every limit costs 3 % of a small request.
 * ms.
 */
const CHECK_INTERVAL_MS = 500;

/**
 * Tells when a socket has been silent for longer than it may. The limit changes with the state of the connection, many
 * times for one request, so that it is a field and no timer of its own.
 */
export class SilenceTimer {
  /** How long the socket may be silent in the state it is in; 0: for ever. ms. */
  limitMs = 0;
  /** Since when it has been silent, as far as is known. Monotonic ms. */
  quietSince = performance.now();
  readonly #socket: Socket;
  readonly #onSilence: () => void;
  /** What had gone in either direction at the check before: see `traffic`. */
  #lastTraffic = '';
  /** How often to check, so that limits come out even, and how soon the next check is. ms. */
  readonly #intervalMs: number;
  #nextCheckMs: number;

  /** `limits`: those that `limit` will take, so that the checks come out even with them. ms; 0 = no limit. */
  constructor(socket: Socket, limits: readonly number[], onSilence: () => void) {
    this.#socket = socket;
    this.#onSilence = onSilence;
    this.#intervalMs = Math.min(
      ...limits.filter((limitMs) => limitMs > 0).map((limitMs) => limitMs / Math.ceil(limitMs / CHECK_INTERVAL_MS)),
    );
    this.#nextCheckMs = this.#intervalMs;
    // Bytes in either direction start this timer again, by Node's own doing.
    socket.setTimeout(this.#intervalMs);
    socket.on('timeout', () => this.#check());
  }

  /** Not a byte for as long as the timer was set; longer, if this process stood still or had much to do. */
  #check(): void {
    const socket = this.#socket;
    const now = performance.now();
    const current = traffic(socket);
    // Something went since the check before, at the latest when the timer was started for this one. A late check moves
    // no limit but by its own delay.
    if (current !== this.#lastTraffic) this.quietSince = Math.max(this.quietSince, now - this.#nextCheckMs);
    this.#lastTraffic = current;
    const remainingMs = this.limitMs > 0 ? this.limitMs - (now - this.quietSince) : Infinity;
    // It runs once only.
    this.#nextCheckMs = remainingMs > 0 ? Math.min(this.#intervalMs, Math.ceil(remainingMs)) : this.#intervalMs;
    socket.setTimeout(this.#nextCheckMs);
    if (remainingMs > 0) return;
    const since = this.quietSince;
    // Timers come before reading: what came while this process stood still is read first, and then it was not silent.
    setImmediate(() => {
      if (!socket.destroyed && traffic(socket) === current && this.quietSince === since) this.#onSilence();
    });
  }
}
