import { command, type Command } from '../command.ts';
import { UsageError } from '../usage-error.ts';

interface Options {
  readonly once?: boolean;
  readonly play?: boolean;
  readonly pause?: string;
}

/** Between two steps of the play, unless another time is given. s. */
const PLAY_PAUSE = 4;

/** `tokenward demo`. */
export function demo(): Command {
  return command('demo', 'start three simulated vendors and tokenward in front of them, to try it')
    .option('--once', 'run a tour that checks itself, and end')
    .option(
      '--play',
      'make tokens die, a login budget burn and an upstream fail, to watch on the page; with --once one round',
    )
    .option('--pause <seconds>', 'rest after each stop of the tour (0), and between two steps of the play (4)')
    .action(async ({ once = false, play = false, pause }: Options) => {
      const seconds = pause === undefined ? (play ? PLAY_PAUSE : 0) : Number(pause);
      if (!(seconds >= 0 && seconds <= 3_600)) throw new UsageError('--pause must be 0 to 3600 seconds');
      process.exitCode = await (await import('../../demo/demo.ts')).demo({ once, play, pause: seconds });
    });
}
