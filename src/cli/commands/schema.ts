import { command, type Command } from '../command.ts';

/** `tokenward schema`. */
export function schema(): Command {
  return command('schema', 'print the JSON Schema of the configuration, for editors').action(async () =>
    (await import('../schema.ts')).schema(),
  );
}
