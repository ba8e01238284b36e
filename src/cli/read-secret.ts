import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { Writable } from 'node:stream';
import type { ReadStream } from 'node:tty';

/**
 * A secret from standard input, so that it is in no shell history and no process list. From a terminal: one line, after
 * `prompt`, not shown while it is typed or pasted; undefined if it was cancelled (Ctrl-C). From anything else: all of
 * it.
 */
export async function readSecret(
  input: ReadStream | NodeJS.ReadStream,
  output: NodeJS.WriteStream,
  prompt: string,
): Promise<string | undefined> {
  if (!input.isTTY) return text(input);
  output.write(prompt);
  // Readline, not the terminal's line mode, which ends at 4,096 characters: tokens may be longer.
  const discard = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input, output: discard, terminal: true });
  try {
    return await new Promise((resolve) => {
      terminal.once('line', resolve);
      terminal.once('SIGINT', () => resolve(undefined));
      terminal.once('close', () => resolve(undefined));
    });
  } finally {
    terminal.close();
    output.write('\n');
  }
}
