import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import type { ReadStream } from 'node:tty';
import type { Ask } from './new-flow/decisions.ts';
import { UsageError } from './usage-error.ts';

/** Asks a person at a terminal. Questions go to `output`, so that standard output holds the result alone. */
export interface Terminal {
  /** Text of several lines, not shown while it is pasted, until `isWhole` or a line with only a dot. */
  paste(prompt: string, isWhole: (text: string) => boolean): Promise<string>;
  readonly ask: Ask;
  close(): void;
}

export function openTerminal(input: ReadStream, output: NodeJS.WriteStream): Terminal {
  let hidden = false;
  const shown = new Writable({
    write(chunk: Buffer, _encoding, done) {
      if (!hidden) output.write(chunk);
      done();
    },
  });
  // One reader for all: lines that are pasted ahead stay in order.
  const reader = createInterface({ input, output: shown, terminal: true });
  const lines: string[] = [];
  let waiting: ((line: string | undefined) => void) | undefined;
  let closed = false;
  const give = (line: string | undefined): void => {
    const resolve = waiting;
    waiting = undefined;
    if (resolve !== undefined) resolve(line);
    else if (line !== undefined) lines.push(line);
  };
  reader.on('line', give);
  reader.on('SIGINT', () => reader.close());
  reader.on('close', () => {
    closed = true;
    give(undefined);
  });
  const next = async (): Promise<string> => {
    const line =
      lines.shift() ?? (closed ? undefined : await new Promise<string | undefined>((resolve) => (waiting = resolve)));
    if (line === undefined) throw new UsageError('nothing was written');
    return line;
  };
  return {
    async paste(prompt, isWhole) {
      output.write(`${prompt}\n`);
      hidden = true;
      try {
        let text = '';
        for (;;) {
          const line = await next();
          if (line === '.') return text;
          text += `${line}\n`;
          if (isWhole(text)) return text;
        }
      } finally {
        hidden = false;
      }
    },
    async ask(question, proposed, check) {
      for (;;) {
        output.write(`${question} [${proposed}]\n`);
        const answer = (await next()).trim();
        const problem = answer === '' ? undefined : check(answer);
        if (problem === undefined) return answer === '' ? proposed : answer;
        output.write(`${problem}\n`);
      }
    },
    close: () => reader.close(),
  };
}
