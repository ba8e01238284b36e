import { setTimeout as sleep } from 'node:timers/promises';
import { call } from '../support/call.ts';

/** What came of one caller's request. Times are wall-clock ms, as in the upstream's ledger. */
export interface CallerEntry {
  /** Sent as x-request-id: by it the upstream's ledger is joined. */
  readonly id: string;
  /** Which replica was asked. */
  readonly who: string;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly ok: boolean;
  /** Of one of tokenward's own errors, or what else went wrong. */
  readonly why: string;
}

const READ = '/v1/licenses';

/** Callers who ask again and again, one request after the other, and write down what they get. */
export class Callers {
  readonly entries: CallerEntry[] = [];
  readonly #ending: Promise<void>[] = [];
  #running = true;
  #count = 0;

  /** Asks `url()` for the account every `pause` ms until `stop`. */
  start(who: string, url: () => string | undefined, account = 0, pause = 40): void {
    this.#ending.push(
      (async () => {
        while (this.#running) {
          const base = url();
          if (base !== undefined) await this.once(who, base, account);
          await sleep(pause);
        }
      })(),
    );
  }

  /** One request. Never rejects. */
  async once(who: string, url: string, account = 0): Promise<CallerEntry> {
    this.#count += 1;
    const id = `${who}-${this.#count}`;
    const startedAt = Date.now();
    let ok = false;
    let why = '';
    try {
      const answer = await call(url, `/${account}${READ}`, { headers: { 'x-request-id': id } });
      ok = answer.status === 200;
      why = ok ? '' : `${answer.status} ${String(answer.headers['x-tokenward-error'] ?? '')}`;
    } catch (error) {
      why = (error as NodeJS.ErrnoException).code ?? 'cut';
    }
    const entry: CallerEntry = { id, who, startedAt, endedAt: Date.now(), ok, why };
    this.entries.push(entry);
    return entry;
  }

  get failed(): CallerEntry[] {
    return this.entries.filter(({ ok }) => !ok);
  }

  async stop(): Promise<void> {
    this.#running = false;
    await Promise.all(this.#ending);
  }
}

/** Failures in a few words: `3 × 503 store_unavailable`. */
export function inWords(entries: readonly CallerEntry[]): string | undefined {
  if (entries.length === 0) return undefined;
  const counts = new Map<string, number>();
  for (const { who, why } of entries) counts.set(`${who}: ${why}`, (counts.get(`${who}: ${why}`) ?? 0) + 1);
  return [...counts].map(([why, count]) => `${count} × ${why}`).join(', ');
}
