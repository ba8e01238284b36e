import axeCore, { type AxeResults } from 'axe-core';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { requireTool } from './tools.ts';

type Open = (context: Mocha.Context, url: string, options?: BrowserContextOptions) => Promise<Page>;

/** A real browser for the tests of one describe, started with the first page. Skips where there is no Chromium. */
export function freshBrowser(): Open {
  let browser: Browser | undefined;
  const faults: string[] = [];
  afterEach(async () => {
    for (const context of browser?.contexts() ?? []) await context.close();
    const found = faults.splice(0);
    if (found.length > 0) throw new Error(`the page's scripts failed: ${found.join('; ')}`);
  });
  after(async () => browser?.close());
  return async (context, url, options = {}) => {
    const executablePath = requireTool(context, 'chromium');
    browser ??= await chromium.launch({
      executablePath,
      // Nothing but this machine has a name.
      args: [
        '--no-sandbox',
        '--disable-dev-shm-usage',
        '--no-proxy-server',
        '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost',
      ],
    });
    const page = await (await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options })).newPage();
    page.setDefaultTimeout(30_000);
    page.on('pageerror', (error) => void faults.push(String(error)));
    await page.goto(url);
    return page;
  };
}

/** The page once it has shown what tokenward says. */
export async function shown(page: Page): Promise<Page> {
  await page.locator('#about').filter({ hasText: 'tokenward' }).waitFor();
  await page.locator('#account-list > li, #no-account:not([hidden])').first().waitFor();
  return page;
}

/** Name, state, and all texts of each account on the page. */
export async function accountsOn(page: Page): Promise<{ name: string; state: string; text: string }[]> {
  // In one step: the list may change in between. As a text, because the tests are not compiled for a browser.
  return page.evaluate<{ name: string; state: string; text: string }[]>(
    `[...document.querySelectorAll('#account-list > li')].map((row) => ({
      name: row.querySelector('h3').textContent, state: row.dataset.state, text: row.textContent,
    }))`,
  );
}

/** What axe finds wrong with the page as it stands: rule and element. */
export async function axeFindings(page: Page): Promise<string[]> {
  // By its text: the page's own policy lets no other script into the document.
  await page.evaluate(axeCore.source);
  const tags = ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'];
  const { violations } = await page.evaluate<AxeResults>(`axe.run(document, { runOnly: ${JSON.stringify(tags)} })`);
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html} ${node.failureSummary ?? ''}`));
}
