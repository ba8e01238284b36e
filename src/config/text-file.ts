import { constants, readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { ConfigError } from './mistakes.ts';

/**
 * The text of a file in UTF-8 or, as some editors and shells write it, in UTF-16 with a byte order mark; without that
 * mark. Throws the system's error, or one with the code NOT_TEXT for bytes that are neither: guessing would change a secret.
 */
export function readText(path: string): string {
  return textIn(readFileSync(path));
}

/** The same, for a part of the configuration. Throws a ConfigError. */
export function requireText(file: string): string {
  try {
    return readText(file);
  } catch (error) {
    throw new ConfigError(file, [{ path: '', line: undefined, message: `the file cannot be read (${(error as NodeJS.ErrnoException).code ?? 'error'})` }]);
  }
}

/**
 * The same for a file that has been read before, without holding up anybody. Undefined for a pipe or a terminal, which
 * give what they have only once.
 */
export async function readTextAgain(path: string): Promise<string | undefined> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    return (await file.stat()).isFile() ? textIn(await file.readFile()) : undefined;
  } finally {
    await file.close();
  }
}

function textIn(bytes: Buffer): string {
  const encoding = bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : 'utf-8';
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    throw Object.assign(new Error('not UTF-8 text'), { code: 'NOT_TEXT' });
  }
}
