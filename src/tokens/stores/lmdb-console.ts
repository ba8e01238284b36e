/* eslint-disable no-console -- the only place that touches it, to keep LMDB's words off it */

let done = false;

/**
 * LMDB's binding prints an error of a commit with console.error, though it also rejects with it: a stack in the middle
 * of the log, which has its own line for it. tokenward itself never uses console.error.
 */
export function keepLmdbOffTheConsole(): void {
  if (done) return;
  done = true;
  const print = console.error.bind(console);
  console.error = (...args: unknown[]) => {
    const [error] = args;
    if (args.length === 1 && error instanceof Error && /[\\/]node_modules[\\/]lmdb[\\/]/.test(error.stack ?? ''))
      return;
    print(...args);
  };
}
