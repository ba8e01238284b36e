import { VERSION } from '../../version.ts';
import { command, type Command } from '../command.ts';
import { print } from '../options.ts';

/** `tokenward version`. */
export function version(): Command {
  return command('version', 'print the version').action(() => print(`${VERSION}\n`));
}
