import { CommanderError } from 'commander';
import { coloured } from './colour.ts';
import { Command } from './command.ts';
import { commandLine } from './command-line.ts';
import { UsageError } from './usage-error.ts';

// The reader of standard output may close it early (`tokenward schema | head`).
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

/** The command that runs. */
let path = '';
const program = commandLine().hook('preAction', (_, action) => {
  if (action instanceof Command) ({ path } = action);
});

program.parseAsync().catch(async (error: unknown) => {
  // Help or the version was shown.
  if (error instanceof CommanderError) return void (process.exitCode = error.exitCode);
  const { message, exitCode } =
    error instanceof UsageError ? usage(error) : (await import('./exit.ts')).explain(error, path);
  process.stderr.write(`${coloured(process.stderr, 'red', 'tokenward:')} ${message}\n`);
  process.exitCode = exitCode;
});

function usage({ message, command = path }: UsageError): { message: string; exitCode: number } {
  const help = command === '' ? 'tokenward --help' : `tokenward ${command} --help`;
  return { message: `${message}${/[?.…]$/.test(message) ? '' : '.'} Try: ${help}`, exitCode: 2 };
}
