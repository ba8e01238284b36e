import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { MAIN } from './process.ts';

/** A program that is not up yet. */
export interface Starting {
  readonly child: ChildProcess;
  stderr(): string;
  /** The exit code. */
  ended(): Promise<number | null>;
}

/** Starts `tokenward serve` and does not wait for it. */
export function startServe(file: string): Starting {
  const child = spawn(process.execPath, [MAIN, 'serve', '-c', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  let text = '';
  child.stderr.setEncoding('utf8').on('data', (piece: string) => (text += piece));
  const closed = once(child, 'close') as Promise<[number | null]>;
  return { child, stderr: () => text, ended: async () => (await closed)[0] };
}

/** Status and text of an answer; undefined: there is none yet. */
export async function answerOf(url: string): Promise<{ status: number; text: string } | undefined> {
  try {
    const response = await fetch(url);
    return { status: response.status, text: await response.text() };
  } catch {
    return undefined;
  }
}
