import { setTimeout as sleep } from 'node:timers/promises';
import { OperatorError } from './operator-client.ts';
import { operatorAddress, type OperatorOptions } from './operator-options.ts';
import { print } from './options.ts';
import { UsageError } from './usage-error.ts';

/** The options of `tokenward health`. */
interface Options extends OperatorOptions {
  readonly ready?: boolean;
  readonly wait?: string;
}

/** Within the time that container runtimes give a health check by our own image: 3 s. ms. */
const ANSWER_MS = 2_500;
/** Pause between two questions. ms. */
const PAUSE_MS = 250;

/** `tokenward health`, for supervisors. Throws an OperatorError if it is not alive, or with --ready not ready. */
export async function health(options: Options): Promise<void> {
  const { ready = false, wait = '0' } = options;
  const seconds = Number(wait);
  if (!(seconds >= 0 && seconds <= 3_600)) throw new UsageError('--wait must be 0 to 3600 seconds');
  const { url } = operatorAddress(options);
  const deadline = performance.now() + seconds * 1_000;
  for (;;) {
    const problem = await ask(`${url}${ready ? '/readyz' : '/healthz'}`, ready);
    if (problem === undefined) return print(ready ? 'ready\n' : 'alive\n');
    if (performance.now() + PAUSE_MS > deadline) throw new OperatorError(problem);
    await sleep(PAUSE_MS);
  }
}

/** What is wrong; undefined: nothing. */
async function ask(url: string, ready: boolean): Promise<string | undefined> {
  let response: Response;
  try {
    response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS) });
  } catch {
    return `Nothing answers at ${new URL(url).origin} within ${ANSWER_MS / 1_000} s.`;
  }
  if (response.ok) return undefined;
  if (!ready) return `It is not alive: status ${response.status}.`;
  const { problems = [] } = (await response.json().catch(() => ({}))) as { problems?: { problem: string }[] };
  const why = problems.map(({ problem }) => problem).join('; ');
  return `It is not ready: ${why === '' ? `status ${response.status}` : why}`;
}
