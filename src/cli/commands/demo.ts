import { command, type Command } from '../command.ts';

/** `tokenward demo`. */
export function demo(): Command {
  return command('demo', 'start three simulated vendors and tokenward in front of them, to try it')
    .option('--once', 'run a tour that checks itself, and end')
    .action(async (options: { readonly once?: boolean }) => {
      process.exitCode = await (await import('../../demo/demo.ts')).demo(options.once === true);
    });
}
