import { command, operatorOptions, type Command } from '../command.ts';

/** `tokenward reload`. */
export function reload(): Command {
  return command('reload', 'have a running tokenward read its configuration again', operatorOptions())
    .addHelpText('after', '\nEnds with 1 and every mistake if it cannot be used; then the one before it stays in use.')
    .action(async (options: object) => (await import('../reload.ts')).reload(options));
}
