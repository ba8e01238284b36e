import { randomBytes } from 'node:crypto';
import { call, type Answer } from '../support/call.ts';

/** What came of one caller's request, as the caller saw it. */
export interface CallerEntry {
  /** Sent as x-request-id: by it the upstream's ledger is joined. */
  readonly id: string;
  readonly method: string;
  /**
   * `answered`: the upstream's own complete answer. `ours`: an error tokenward answered itself. `broken`: no complete
   * answer. `open`: none yet.
   */
  outcome: 'open' | 'answered' | 'ours' | 'broken';
  status: number | undefined;
  /** Of one of our own errors. */
  code: string | undefined;
  retryAfter: number | undefined;
  /** performance.now() at start and end. */
  readonly startedAt: number;
  endedAt: number | undefined;
}

/** Callers with a ledger of their own: the first of the three that are joined. */
export class Callers {
  readonly entries: CallerEntry[] = [];
  readonly #run = randomBytes(4).toString('hex');

  /** One request. Never rejects: how it ended is in the entry. `patience`: after so many ms the caller gives up. */
  async send(base: string, method: 'GET' | 'POST', target: string, patience?: number): Promise<CallerEntry> {
    const id = `${this.#run}-${this.entries.length}`;
    const entry: CallerEntry = {
      id,
      method,
      outcome: 'open',
      status: undefined,
      code: undefined,
      retryAfter: undefined,
      startedAt: performance.now(),
      endedAt: undefined,
    };
    this.entries.push(entry);
    const body = method === 'POST' ? JSON.stringify({ text: id }) : undefined;
    try {
      const answer = await call(base, target, {
        method,
        headers: { 'x-request-id': id, 'content-type': 'application/json' },
        ...(body !== undefined && { body }),
        ...(patience !== undefined && { signal: AbortSignal.timeout(patience) }),
      });
      entry.status = answer.status;
      entry.code = codeOf(answer);
      entry.outcome = entry.code === undefined ? 'answered' : 'ours';
      entry.retryAfter = Number(answer.headers['retry-after'] ?? NaN);
    } catch {
      entry.outcome = 'broken';
    }
    entry.endedAt = performance.now();
    return entry;
  }

  /** What was wrong with the ones that are still open. */
  openOnes(): string | undefined {
    const open = this.entries.filter(({ outcome }) => outcome === 'open');
    return open.length === 0 ? undefined : `${open.length} requests never ended`;
  }
}

function codeOf(answer: Answer): string | undefined {
  const code = answer.headers['x-tokenward-error'];
  return typeof code === 'string' ? code : undefined;
}
