import { command, operatorOptions, type Command } from '../command.ts';

/** `tokenward status`. */
export function status(): Command {
  return command('status', 'show the state of every account of a running tokenward', operatorOptions())
    .argument('[account]', 'only this account, with all that is known of it')
    .option('--watch', 'show it again every two seconds, until Ctrl-C')
    .option('--json', 'the document of /status')
    .option('--fail', 'end with 3 if an account cannot serve')
    .action(async (account: string | undefined, options: object) =>
      (await import('../status.ts')).status(options, account),
    );
}
