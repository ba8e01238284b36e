import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { placeOf } from '../support/call.ts';

/** What callers have seen who go on calling until told to stop. */
export interface Load {
  /** Ends it, and gives what each call came to: a status, or an error's code. */
  stop(): Promise<ReadonlyMap<string, number>>;
}

export interface LoadOptions {
  /**
   * Callers who keep their connections, with a pause of up to so many ms between two calls, and callers who make a new
   * one each time.
   */
  readonly keeping: number;
  readonly making: number;
  readonly pause: number;
}

/** Starts callers who never rest. None of them tries anything twice: what fails is counted. */
export function startLoad(url: string, targets: readonly string[], options: LoadOptions): Load {
  const results = new Map<string, number>();
  const place = placeOf(url);
  let stopping = false;
  const one = (agent: Agent | false, target: string): Promise<string> =>
    new Promise((resolve) => {
      const outgoing = request({ ...place, path: target, agent, timeout: 20_000 }, (incoming) => {
        incoming.on('error', (error: NodeJS.ErrnoException) => resolve(`cut: ${error.code ?? error.message}`));
        incoming.on('end', () => resolve(incoming.complete ? String(incoming.statusCode) : 'cut'));
        incoming.resume();
      });
      outgoing.on('timeout', () => outgoing.destroy(new Error('timeout')));
      outgoing.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      outgoing.end();
    });
  const caller = async (index: number, keeps: boolean): Promise<void> => {
    const agent = keeps ? new Agent({ keepAlive: true, maxSockets: 1 }) : false;
    for (let round = index; !stopping; round += 1) {
      const result = await one(agent, targets[round % targets.length]!);
      results.set(result, (results.get(result) ?? 0) + 1);
      await sleep(Math.random() * options.pause);
    }
    if (agent) agent.destroy();
  };
  const callers = [
    ...Array.from({ length: options.keeping }, (_, index) => caller(index, true)),
    ...Array.from({ length: options.making }, (_, index) => caller(index, false)),
  ];
  return {
    async stop() {
      stopping = true;
      await Promise.all(callers);
      return results;
    },
  };
}
