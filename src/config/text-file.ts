import { constants, readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { configError } from './issues.ts';

/**
 * The text of a file, without its byte order mark: UTF-8, or UTF-16 with a mark, as some editors and shells write it.
 * Throws the system's error, or one with the code NOT_TEXT for other bytes: guessing would change a secret.
 */
export function readText(path: string): string {
  return textIn(readFileSync(path));
}

/** The same, throwing a ConfigError. */
export function requireText(file: string): string {
  try {
    return readText(file);
  } catch (error) {
    throw configError(file, `the file cannot be read (${(error as NodeJS.ErrnoException).code ?? 'error'})`);
  }
}

/**
 * The same without blocking, for a file that has been read before. Undefined for a pipe or a terminal, which can be
 * read only once.
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
  try {
    return new TextDecoder(encodingOf(bytes), { fatal: true }).decode(bytes);
  } catch {
    throw Object.assign(new Error('not UTF-8 text'), { code: 'NOT_TEXT' });
  }
}

/** By its byte order mark; UTF-8 without one. */
function encodingOf([first, second]: Buffer): string {
  if (first === 0xff && second === 0xfe) return 'utf-16le';
  return first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8';
}
