import { command, configOption, type Command } from '../command.ts';

/** `tokenward serve`. */
export function serve(): Command {
  return command('serve', 'run the proxy', [configOption()]).action(async (options: object) =>
    (await import('../serve.ts')).serve(options),
  );
}
