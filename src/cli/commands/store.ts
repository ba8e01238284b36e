import { command, configOption, type Command } from '../command.ts';

/** `tokenward store`. */
export function store(): Command {
  return command('store', 'copy the stored tokens to another store, or remove what no account owns')
    .addCommand(
      command('copy', 'copy the stored tokens and counted logins to another store, with tokenward stopped')
        .option('--from <file>', 'the configuration whose store is read')
        .option('--to <file>', 'the configuration whose store is written')
        .option('--dry-run', 'only show what would be done')
        .option('--overwrite', 'also replace tokens that are as new or newer')
        .action(async (options: object) => (await import('../store-copy.ts')).storeCopy(options)),
    )
    .addCommand(
      command('prune', 'remove what no account of the configuration owns', [configOption()])
        .option('--dry-run', 'only show what would be done')
        .action(async (options: object) => (await import('../store-prune.ts')).storePrune(options)),
    );
}
