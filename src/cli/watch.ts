import { emitKeypressEvents } from 'node:readline';
import { hasColours } from './colour.ts';
import { OperatorError } from './operator-client.ts';
import { print } from './options.ts';

/** Escape sequences of terminals (ECMA-48): the other screen, the cursor, and clearing. */
const ENTER = '\x1b[?1049h\x1b[?25l';
const LEAVE = '\x1b[?25h\x1b[?1049l';
const HOME = '\x1b[H';
const CLEAR_BELOW = '\x1b[J';
const CLEAR_LINE = '\x1b[K';

/**
 * Shows what `look` returns again and again, until q or Ctrl-C; what is shown last stays. On a terminal each look
 * replaces the one before. A look that fails with an OperatorError shows that, and the next one may succeed.
 */
export async function watch(look: () => Promise<string>, everyMs: number): Promise<void> {
  const isTerminal = process.stdout.isTTY && process.env['TERM'] !== 'dumb';
  const ending = new AbortController();
  const end = (): void => ending.abort();
  process.once('SIGINT', end);
  process.once('SIGTERM', end);
  const keys = isTerminal && process.stdin.isTTY ? listenForKeys(end) : undefined;
  let shown = '';
  if (isTerminal) print(ENTER);
  try {
    while (!ending.signal.aborted) {
      shown = await look().catch((error: unknown) => {
        if (!(error instanceof OperatorError)) throw error;
        return `${error.message}\n`;
      });
      if (isTerminal) print(screen(shown));
      else print(`${shown}\n`);
      await pause(everyMs, ending.signal);
    }
  } finally {
    keys?.();
    process.off('SIGINT', end);
    process.off('SIGTERM', end);
    if (isTerminal) print(LEAVE);
  }
  if (isTerminal) print(shown);
}

/** As much as the terminal has room for; without clearing it first, which would flicker. */
function screen(text: string): string {
  // Serial lines and some containers give their terminals no size: zero, not undefined.
  const rows = process.stdout.rows || 24;
  const columns = process.stdout.columns || 80;
  const time = `${new Date().toISOString().slice(11, 19)} UTC, q ends it`;
  const lines = [time, '', ...text.trimEnd().split('\n')].slice(0, rows - 1);
  const cut = hasColours(process.stdout) ? lines : lines.map((line) => line.slice(0, columns));
  return `${HOME}${cut.map((line) => `${line}${CLEAR_LINE}\n`).join('')}${CLEAR_BELOW}`;
}

function listenForKeys(end: () => void): () => void {
  const { stdin } = process;
  emitKeypressEvents(stdin);
  stdin.setRawMode(true);
  const onKey = (_text: string, key: { readonly name?: string; readonly ctrl?: boolean }): void => {
    if (key.name === 'q' || (key.ctrl === true && key.name === 'c')) end();
  };
  stdin.on('keypress', onKey).resume();
  return () => {
    stdin.off('keypress', onKey).setRawMode(false);
    stdin.pause();
  };
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
