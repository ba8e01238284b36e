import { nearest } from '../nearest.ts';
import { VERSION } from '../version.ts';
import { COMMANDS, WITH_ARGUMENT, WITH_TWO_ARGUMENTS } from './commands.ts';
import { explain } from './exit.ts';
import { HELP } from './help.ts';
import { print, readCommandLine } from './options.ts';
import { UsageError } from './usage-error.ts';

async function main(): Promise<void> {
  const {
    values,
    positionals: [name, ...rest],
  } = readCommandLine(process.argv.slice(2));
  if (values.version) return print(`${VERSION}\n`);
  if (values.help || name === 'help') return print(HELP);
  if (name === undefined) throw new UsageError('no command given');
  const most = WITH_TWO_ARGUMENTS.includes(name) ? 2 : WITH_ARGUMENT.includes(name) ? 1 : 0;
  if (rest.length > most || (values.command.length > 0 && name !== 'run'))
    throw new UsageError(`too many words after ${name}`);
  const command = COMMANDS.get(name);
  if (command !== undefined) return command(values, rest[0], rest[1]);
  const suggestion = nearest(name, [...COMMANDS.keys(), 'help']);
  throw new UsageError(
    `there is no command "${name}"${suggestion === undefined ? '' : `; did you mean "${suggestion}"?`}`,
  );
}

// The reader of standard output may close it early (`tokenward schema | head`).
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

main().catch((error: unknown) => {
  const { message, exitCode } = explain(error);
  process.stderr.write(`tokenward: ${message}\n`);
  process.exitCode = exitCode;
});
