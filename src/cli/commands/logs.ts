import { command, type Command } from '../command.ts';

/** `tokenward logs`. */
export function logs(): Command {
  return command('logs', "print tokenward's log for people, from a file or standard input")
    .argument('[file]', 'the log; - or nothing is standard input')
    .option('--account <name>', 'only lines about this account')
    .option('--route <name>', 'only lines about this route')
    .option('--caller <name>', 'only lines about this caller')
    .option('--level <level>', 'only lines of this level and above: trace, debug, info, warn, error')
    .option('--request <id>', 'only lines about the request with this id, or this trace id')
    .option('--json', 'the lines unchanged, for another program')
    .action(async (file: string | undefined, options: object) => (await import('../logs.ts')).logs(options, file));
}
