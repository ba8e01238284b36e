import { command, configOption, type Command } from '../command.ts';

/** `tokenward import`. */
export function importAccount(): Command {
  return command('import', 'put a refresh token from standard input into the store', [configOption()])
    .argument('<account>', 'the account')
    .needs({ account: 'import needs the name of an account; the refresh token comes from standard input' })
    .action(async (account: string, options: object) => (await import('../import.ts')).importAccount(options, account));
}
