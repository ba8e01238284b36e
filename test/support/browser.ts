import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import { promisify } from 'node:util';
import { temporaryFolder } from './proxy.ts';
import { requireTool } from './tools.ts';

const run = promisify(execFile);

/**
 * The document of a page after its scripts have run, as a real browser has it, once `done` is in it. Skips the test
 * where there is no Chromium.
 */
export async function render(context: Mocha.Context, url: string, done: RegExp): Promise<string> {
  const chromium = requireTool(context, 'chromium');
  let document = '';
  // On a busy machine the browser may give up waiting before its first answer.
  for (let attempt = 1; attempt <= 4 && !done.test(document); attempt += 1) document = await dump(chromium, url);
  if (!done.test(document)) throw new Error(`the page never came to ${String(done)}: ${document.slice(0, 2_000)}`);
  return document;
}

async function dump(chromium: string, url: string): Promise<string> {
  const profile = temporaryFolder();
  try {
    const { stdout } = await run(
      chromium,
      [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-dev-shm-usage',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        '--disable-extensions',
        '--no-first-run',
        '--no-default-browser-check',
        '--no-proxy-server',
        // Nothing but this machine has a name.
        '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
        `--user-data-dir=${profile}`,
        '--virtual-time-budget=3000',
        '--dump-dom',
        url,
      ],
      { maxBuffer: 16 * 1024 ** 2, timeout: 60_000 },
    );
    return stdout;
  } finally {
    rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

/** The cells of a table's body, found by the body's id: text without markup, row by row. */
export function cells(document: string, id: string): string[][] {
  const [, body] = document.match(new RegExp(`<tbody id="${id}">(.*?)</tbody>`, 's')) ?? [];
  if (body === undefined) throw new Error(`no table ${id} in ${document.slice(0, 2_000)}`);
  return [...body.matchAll(/<tr>(.*?)<\/tr>/gs)].map(([, row]) =>
    [...row!.matchAll(/<td[^>]*>(.*?)<\/td>/gs)].map(([, cell]) => text(cell!)),
  );
}

/** The text of an element, found by its id. */
export function textOf(document: string, id: string): string {
  const [, inner] = document.match(new RegExp(`<(?:\\w+) id="${id}"[^>]*>(.*?)<`, 's')) ?? [];
  return text(inner ?? '');
}

function text(html: string): string {
  return html
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&nbsp;', ' ')
    .replaceAll('&amp;', '&')
    .trim();
}
