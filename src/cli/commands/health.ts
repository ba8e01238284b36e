import { command, operatorOptions, type Command } from '../command.ts';

/** `tokenward health`. */
export function health(): Command {
  return command('health', 'ask a running tokenward whether it is alive, for health checks', operatorOptions())
    .option('--ready', 'whether it is ready: requests may be sent to it')
    .option('--wait <seconds>', 'ask again for so long, until it is', '0')
    .addHelpText('after', '\nEnds with 0, or with 1 and what is wrong.')
    .action(async (options: object) => (await import('../health.ts')).health(options));
}
