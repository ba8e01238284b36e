import { command, operatorOptions, type Command } from '../command.ts';

/** `tokenward renew`. */
export function renew(): Command {
  return command('renew', 'renew the tokens of accounts of a running tokenward now', operatorOptions())
    .argument('[account...]', 'the accounts')
    .option('--dead', 'those that are dead: their credentials are tried again')
    .option('--all', 'all declared accounts')
    .option('--login', 'log in, even if there is a refresh token to spend')
    .option('--use-reserve', 'may spend the logins kept in reserve')
    .option('--json', 'the results as JSON')
    .action(async (accounts: readonly string[], options: object) =>
      (await import('../renew.ts')).renew(options, accounts),
    );
}
