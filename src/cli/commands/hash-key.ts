import { command, type Command } from '../command.ts';

/** `tokenward hash-key`. */
export function hashKey(): Command {
  return command(
    'hash-key',
    "print the digest of a caller's key for the configuration; the key is read, or made",
  ).action(async () => (await import('../hash-key.ts')).hashKey());
}
