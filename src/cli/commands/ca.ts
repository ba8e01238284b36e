import { Option } from 'commander';
import { command, configOption, type Command } from '../command.ts';

const days = (): Option => new Option('--days <n>', 'how long it is valid (default: 365)');

/** `tokenward ca`. */
export function ca(): Command {
  const all = command('ca', "show, make and renew the certificate authority for the routes' hosts");
  all
    .addCommand(
      command('show', 'show the authority', [configOption()])
        .option('--json', 'as JSON')
        .action(async (options: object) => (await import('../ca.ts')).ca(options, 'show')),
      { isDefault: true },
    )
    .addCommand(
      command('make', 'make it, unless there is one', [configOption(), days()])
        .option('--renew', 'the same as ca renew')
        .action(async (options: object) => (await import('../ca.ts')).ca(options, 'make')),
    )
    .addCommand(
      command('renew', 'replace it by a new one', [configOption(), days()]).action(async (options: object) =>
        (await import('../ca.ts')).ca(options, 'renew'),
      ),
    )
    .addCommand(
      command('export', 'write out the certificate that applications must trust, never its key', [configOption()])
        .option('-o, --output <file>', 'the PEM goes here (default: standard output, unless there is --pkcs12)')
        .option('--pkcs12 <file>', 'a trust store for Java goes here')
        .option('--password <password>', "the trust store's password, which is no secret (default: changeit)")
        .action(async (options: object) => (await import('../ca.ts')).ca(options, 'export')),
    );
  return all;
}
