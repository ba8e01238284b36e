import { CannotRun, UsageError } from './options.ts';

/**
 * Runs one of these programs to its end: its options, `--help`, wrong usage, Ctrl-C. What it has started is ended by
 * `exit` handlers of those who started it.
 */
export async function runProgram<O extends { readonly help: boolean }>(
  name: string,
  help: string,
  parseOptions: (args: string[]) => O,
  main: (options: O) => Promise<number>,
): Promise<never> {
  process.once('SIGINT', () => process.exit(130)).once('SIGTERM', () => process.exit(143));
  let code = 0;
  try {
    const options = parseOptions(process.argv.slice(2));
    if (options.help) console.log(help);
    else code = await main(options);
  } catch (error) {
    if (!(error instanceof UsageError) && !(error instanceof CannotRun)) throw error;
    console.error(`${name}: ${error.message}`);
    code = error instanceof UsageError ? 2 : 1;
  }
  // Sockets that were reset while they connected keep Node alive after their end.
  process.exit(code);
}
