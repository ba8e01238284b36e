import { command, configOption, type Command } from '../command.ts';

/** `tokenward rekey`. */
export function rekey(): Command {
  return command('rekey', 'seal every stored token with store.key; the earlier key must be in store.retiredKeys', [
    configOption(),
  ]).action(async (options: object) => (await import('../rekey.ts')).rekey(options));
}
