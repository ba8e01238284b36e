import cluster from 'node:cluster';

/** The signals that `tokenward serve` handles. */
export type HandledSignal = 'SIGTERM' | 'SIGINT' | 'SIGHUP';

const SIGNALS: readonly HandledSignal[] = ['SIGTERM', 'SIGINT', 'SIGHUP'];
const waiting: HandledSignal[] = [];
let handler: ((signal: HandledSignal) => void) | undefined;

/**
 * For `serve` these signals no longer end the process: they wait for a handler. This module is loaded before the
 * others, so that this is so from the start. Other commands keep Node's default.
 */
if (process.argv.slice(2).find((word) => !word.startsWith('-')) === 'serve') {
  for (const signal of SIGNALS) {
    process.on(signal, () => (handler === undefined ? void waiting.push(signal) : handler(signal)));
  }
  // By default it opens Node's debugger, which can read every token in memory.
  process.on('SIGUSR1', () => undefined);
  // A message to a primary that has ended. 'disconnect' reports its end.
  cluster.worker?.on('error', () => undefined);
}

/** Calls `onSignal` for every signal, first for those that came before. */
export function handleSignals(onSignal: (signal: HandledSignal) => void): void {
  handler = onSignal;
  for (const signal of waiting.splice(0)) onSignal(signal);
}
