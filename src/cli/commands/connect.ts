import { command, configOption, type Command } from '../command.ts';

/** `tokenward connect`. */
export function connect(): Command {
  return command('connect', "get an account's first tokens by a person's consent in a browser", [configOption()])
    .argument('<account>', 'the account')
    .needs({ account: 'connect needs the name of an account' })
    .option('--device', 'consent on another device, by a code')
    .action(async (account: string, options: object) => (await import('../connect.ts')).connect(options, account));
}
