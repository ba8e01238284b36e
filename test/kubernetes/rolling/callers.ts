import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** What came of one request. */
export interface Call {
  /** Sent as x-request-id: by it the upstream's ledger is joined. */
  readonly id: string;
  readonly account: number;
  readonly status: number;
  /** The status, or how the connection broke. */
  readonly what: string;
}

interface Kind {
  readonly name: string;
  /** How many callers of it there are. */
  readonly count: number;
  /** Between two requests of a caller, ms. */
  readonly every: number;
  readonly keepsConnection: boolean;
  readonly method: 'GET' | 'POST';
  readonly path: string;
}

const READ = '/v1/licenses';

/** Callers that nobody has taught to try again. */
const KINDS: readonly Kind[] = [
  { name: 'busy connections', count: 12, every: 250, keepsConnection: true, method: 'GET', path: READ },
  { name: 'uploads', count: 4, every: 300, keepsConnection: true, method: 'POST', path: '/v1/sandbox/echo' },
  { name: 'new connections', count: 6, every: 400, keepsConnection: false, method: 'GET', path: READ },
  // Longer than a pod's delay, shorter than a connection's idle time: the reuse that races with a stop.
  { name: 'idle connections', count: 24, every: 5_000, keepsConnection: true, method: 'GET', path: READ },
  {
    name: 'slow responses',
    count: 4,
    every: 300,
    keepsConnection: true,
    method: 'GET',
    path: '/v1/sandbox/slow-body?pieces=6&ms=1000',
  },
];

/** Requests through the Service, of every kind at once. */
export class Callers {
  readonly calls: Call[] = [];
  readonly #port: number;
  readonly #loops: Promise<void>[] = [];
  #isRunning = true;
  #count = 0;

  constructor(port: number) {
    this.#port = port;
  }

  /** Callers of one account's route, `/0` or `/1` … With `few`, one of each kind. */
  start(account: number, few = false): void {
    for (const kind of KINDS)
      for (let number = 0; number < (few ? 1 : kind.count); number += 1) this.#loops.push(this.#loop(kind, account));
  }

  async stop(): Promise<void> {
    this.#isRunning = false;
    await Promise.all(this.#loops);
  }

  async #loop(kind: Kind, account: number): Promise<void> {
    const agent = new Agent({ keepAlive: kind.keepsConnection, maxSockets: 1 });
    await sleep(Math.random() * kind.every);
    while (this.#isRunning) {
      await this.#once(kind, account, agent);
      for (const end = Date.now() + kind.every * (0.8 + Math.random() * 0.4); this.#isRunning && Date.now() < end;)
        await sleep(Math.min(100, Math.max(1, end - Date.now())));
    }
    agent.destroy();
  }

  #once({ name, method, path }: Kind, account: number, agent: Agent): Promise<void> {
    this.#count += 1;
    const id = `rolling-${account}-${this.#count}`;
    const body = method === 'POST' ? 'x'.repeat(1_000) : '';
    return new Promise((done) => {
      const end = (status: number, what: string): void => {
        this.calls.push({ id, account, status, what: `${name}: ${what}` });
        done();
      };
      const sent = request(
        {
          ...{ host: '127.0.0.1', port: this.#port, path: `/${account}${path}`, method, agent },
          headers: { 'x-request-id': id, ...(body === '' ? {} : { 'content-length': body.length }) },
        },
        (response) => {
          response.resume();
          const code = String(response.headers['x-tokenward-error'] ?? '');
          response.on('end', () => end(response.statusCode ?? 0, `${response.statusCode} ${code}`.trim()));
          response.on('error', (error: NodeJS.ErrnoException) => end(0, `${error.code} in the response`));
        },
      );
      sent.on('error', (error: NodeJS.ErrnoException) =>
        end(0, `${error.code}${sent.reusedSocket ? ' on a connection that was used before' : ''}`),
      );
      sent.end(body);
    });
  }
}

/** What went wrong, with counts; undefined: nothing. */
export function inWords(calls: readonly Call[]): string | undefined {
  if (calls.length === 0) return undefined;
  const counts = new Map<string, number>();
  for (const { what } of calls) counts.set(what, (counts.get(what) ?? 0) + 1);
  return [...counts].map(([what, count]) => `${count} × ${what}`).join(', ');
}
