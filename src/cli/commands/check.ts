import { command, configOption, type Command } from '../command.ts';

/** `tokenward check`. */
export function check(): Command {
  return command('check', 'check a configuration and show what it would do', [configOption()])
    .option('--online', 'also connect to the upstreams, the token endpoints and the store; no login is spent')
    .option('--login', 'with --online: also log in once with each account, which counts at the vendor')
    .option('--json', 'the errors and warnings as JSON')
    .action(async (options: object) => (await import('../check.ts')).check(options));
}
