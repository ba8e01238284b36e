import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigError, showIssue } from '../config/load.ts';
import { TlsFileError } from '../http/tls.ts';
import type { Logger } from '../log.ts';
import { JwksFileError } from '../proxy/jwt.ts';
import { StoreError } from '../tokens/store.ts';

/** Pause between two attempts. ms. */
const PAUSE_MS = 500;
/** A wait is logged again after this time, so that whoever looks at the end of the log sees it. ms. */
const REMINDER_MS = 10_000;

interface StartupParts {
  readonly limitMs: number;
  readonly log: Logger;
  /** Ends the wait. */
  readonly signal?: AbortSignal;
  /** Called when the process begins to wait for something, and with undefined when it is there. */
  readonly onWaiting?: (reason: string | undefined) => void;
}

/**
 * The start of a process whose surroundings may start later: it waits, up to a limit for everything together, while
 * Redis cannot be reached or a file is not there yet. Any other failure is final.
 */
export class Startup {
  readonly #parts: StartupParts;
  readonly #deadline: number;
  #waitingSince: number | undefined;
  #reason: string | undefined;
  #loggedAt = -Infinity;

  constructor(parts: StartupParts) {
    this.#parts = parts;
    this.#deadline = performance.now() + parts.limitMs;
  }

  /** What it waits for, in words; undefined: nothing. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** How long it may still wait. ms. */
  get leftMs(): number {
    return Math.max(0, this.#deadline - performance.now());
  }

  /** The result of `attempt`, which is made again while it fails for want of something. Rejects with its last error. */
  async until<T>(attempt: () => T | Promise<T>): Promise<T> {
    for (;;) {
      try {
        const result = await attempt();
        this.#end();
        return result;
      } catch (error) {
        const reason = missingThing(error);
        if (reason === undefined || this.#parts.signal?.aborted === true) throw error;
        const left = this.leftMs;
        if (left === 0) {
          this.#giveUp(reason);
          throw error;
        }
        this.#wait(reason, left);
        await sleep(Math.min(PAUSE_MS, left), undefined, { signal: this.#parts.signal }).catch(() => {
          throw error;
        });
      }
    }
  }

  #wait(reason: string, leftMs: number): void {
    const now = performance.now();
    this.#waitingSince ??= now;
    const isNew = reason !== this.#reason;
    this.#reason = reason;
    if (isNew) this.#parts.onWaiting?.(reason);
    if (!isNew && now - this.#loggedAt < REMINDER_MS) return;
    this.#loggedAt = now;
    this.#parts.log.warn('not ready: waiting for what the start needs', {
      detail: reason,
      until: new Date(Date.now() + leftMs).toISOString(),
    });
  }

  #end(): void {
    if (this.#reason === undefined) return;
    this.#parts.log.info('what the start waited for is there', { detail: this.#reason, seconds: this.#waited() });
    this.#reason = undefined;
    this.#parts.onWaiting?.(undefined);
  }

  #giveUp(reason: string): void {
    if (this.#waitingSince === undefined) return;
    this.#parts.log.error('the start gives up: startup.wait is over', { detail: reason, seconds: this.#waited() });
  }

  /** Seconds. */
  #waited(): number {
    return Math.round((performance.now() - (this.#waitingSince ?? performance.now())) / 100) / 10;
  }
}

/** What an error says is missing and may come by itself. Undefined: it needs someone to do something. */
function missingThing(error: unknown): string | undefined {
  if (error instanceof ConfigError) return error.early && error.issues.map((issue) => showIssue(issue)).join('; ');
  if (error instanceof StoreError) return error.isTemporary ? error.message : undefined;
  if (error instanceof TlsFileError || error instanceof JwksFileError)
    return error.isMissing ? error.message : undefined;
  return undefined;
}
