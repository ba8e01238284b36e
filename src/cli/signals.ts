import cluster from 'node:cluster';

/** What `tokenward serve` is told by its surroundings. */
type HandledSignal = 'SIGTERM' | 'SIGINT' | 'SIGHUP';

const SIGNALS: readonly HandledSignal[] = ['SIGTERM', 'SIGINT', 'SIGHUP'];
const waiting: HandledSignal[] = [];
let handler: ((signal: HandledSignal) => void) | undefined;

/**
 * From now on signals no longer end the process by themselves: they wait for whoever heeds them. This module does so
 * before the others are read, if it is to be `serve`; the other commands end as any program does.
 */
if (process.argv.slice(2).find((word) => !word.startsWith('-')) === 'serve') {
  for (const signal of SIGNALS) {
    process.on(signal, () => (handler === undefined ? void waiting.push(signal) : handler(signal)));
  }
  // By default it opens Node's debugger, to which every token in memory lies open.
  process.on('SIGUSR1', () => undefined);
  // A word to a primary process that has gone. Its end is told by `disconnect`.
  cluster.worker?.on('error', () => undefined);
}

/** Tells of every signal, those first that came before. */
export function handleSignals(onSignal: (signal: HandledSignal) => void): void {
  handler = onSignal;
  for (const signal of waiting.splice(0)) onSignal(signal);
}
