import { constants, readdirSync, readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { configError } from './issues.ts';

/** What a configuration was read from: each file, or folder, with its content. */
export type SourceRecorder = (path: string, content: Buffer | string | undefined) => void;

/** Loading is synchronous, so one at a time is recorded. */
let record: SourceRecorder | undefined;

/** Calls `note` for every file that `load` reads, or tries to read. */
export function recordingReads<T>(note: SourceRecorder, load: () => T): T {
  record = note;
  try {
    return load();
  } finally {
    record = undefined;
  }
}

/** The names in a folder. Throws the system's error. */
export function readNames(folder: string): string[] {
  record?.(folder, undefined);
  const names = readdirSync(folder);
  record?.(folder, names.toSorted().join('\n'));
  return names;
}

/**
 * The text of a file, without its byte order mark: UTF-8, or UTF-16 with a mark, as some editors and shells write it.
 * Throws the system's error, or one with the code NOT_TEXT for other bytes: guessing would change a secret.
 */
export function readText(path: string): string {
  record?.(path, undefined);
  const bytes = readFileSync(path);
  record?.(path, bytes);
  return textIn(bytes);
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
