import { VERSION } from '../version.ts';
import { Command } from './command.ts';
import { COMMANDS } from './commands.ts';
import { EXIT_CODES } from './exit-codes.ts';
import { UsageError } from './usage-error.ts';

/** The command line with all its commands; nothing of what they do is loaded. */
export function commandLine(): Command {
  const program = new Command('tokenward')
    .description('An outbound proxy that puts the right token on each request.')
    .version(VERSION, '-v, --version', 'print the version')
    // What follows the command of `run` is the command's.
    .enablePositionalOptions()
    .usage('<command> [options]');
  for (const [group, commands] of Object.entries(COMMANDS))
    for (const make of commands) program.addCommand(make().helpGroup(group));
  program.addCommand(helpCommand(program).helpGroup(Object.keys(COMMANDS).at(-1)!));
  program.addHelpText(
    'after',
    '\nEach command has its own options: tokenward help <command>.\n' +
      `Exit codes:\n${Object.entries(EXIT_CODES)
        .map(([code, meaning]) => `  ${code}  ${meaning}`)
        .join('\n')}`,
  );
  return program;
}

function helpCommand(program: Command): Command {
  return new Command('help')
    .summary('show the help of a command')
    .description('Shows the help of a command: tokenward help flow try.')
    .argument('[command...]', 'the command')
    .action((names: readonly string[]) => {
      const found = names.reduce<Command>((at, name) => {
        const next = at.commands.find((command) => command.name() === name);
        if (next instanceof Command) return next;
        throw new UsageError(at.noSuchCommand(name), at.path);
      }, program);
      found.outputHelp();
    });
}
