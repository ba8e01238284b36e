import { command, operatorOptions, type Command } from '../command.ts';

/** `tokenward top`. */
export function top(): Command {
  return command('top', 'show routes, callers and accounts of a running tokenward live', operatorOptions())
    .option('--interval <seconds>', 'seconds between two looks', '2')
    .addHelpText('after', '\nq or Ctrl-C ends it. Where standard output is no terminal, it prints one table.')
    .action(async (options: { readonly interval: string }) => (await import('../top.ts')).top(options));
}
