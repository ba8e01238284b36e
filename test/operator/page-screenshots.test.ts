import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { BrowserContextOptions } from 'playwright-core';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import type { Clock } from '../../src/tokens/clock.ts';
import { freshBrowser, shown } from '../support/browser.ts';
import { call } from '../support/call.ts';
import { freshFolder } from '../support/files.ts';
import { startProxy, type RunningProxy } from '../support/proxy.ts';
import { writeLines } from '../support/account-files.ts';

const MINUTE = 60_000;
const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };
const LOOKS: Readonly<Record<string, BrowserContextOptions>> = {
  light: { colorScheme: 'light', viewport: { width: 1280, height: 900 } },
  dark: { colorScheme: 'dark', viewport: { width: 1280, height: 900 } },
  phone: { colorScheme: 'light', ...PHONE },
};

/**
 * What the page looks like with few, many and very many accounts, after an hour with trouble of several kinds. The
 * pictures are for people: they are kept if TOKENWARD_SCREENSHOTS names a folder.
 */
describe("pictures of the operator's page", function () {
  this.timeout(240_000);
  const folder = freshFolder();
  const open = freshBrowser();
  let sandbox: Sandbox | undefined;
  let proxy: RunningProxy | undefined;
  afterEach(async () => {
    await proxy?.stop();
    await sandbox?.close();
    proxy = sandbox = undefined;
  });

  const nameOf = (index: number): string => `shop-${String(index).padStart(5, '0')}`;

  /** A tokenward with so many accounts, an hour of its life behind it. */
  const start = async (count: number): Promise<RunningProxy> => {
    const vendors = (sandbox = await startSandbox());
    const { softline } = vendors.credentials;
    const file = writeLines(
      folder(),
      Array.from({ length: count - 3 }, (_, index) => ({
        name: nameOf(index),
        flow: 'softline',
        baseUrl: vendors.urls.softline,
        credentials: index % 40 === 3 ? { ...softline, password: 'wrong' } : softline,
      })),
    );
    let ahead = -60 * MINUTE;
    const clock: Clock = { wall: () => Date.now() + ahead, monotonic: () => performance.now() + 61 * MINUTE + ahead };
    const started = (proxy = await startProxy(vendors, {
      surroundings: { clock },
      config: (config) => ({
        ...config,
        accountsFrom: { file },
        routes: [
          ...(config['routes'] as object[]),
          { prefix: '/shops', upstream: vendors.urls.softline, accountFrom: { flow: 'softline', header: 'X-Shop' } },
          { prefix: '/away', upstream: 'http://127.0.0.1:1', account: 'softline' },
        ],
      }),
    }));
    const send = (target: string, shop?: number): Promise<unknown> =>
      call(started.url, target, { headers: shop === undefined ? {} : { 'x-shop': nameOf(shop) } });
    for (let minute = 0; minute < 60; minute += 1) {
      const busy = 2 + Math.round(2 * Math.sin(minute / 6) + (minute % 7 === 0 ? 3 : 0));
      for (let index = 0; index < busy; index += 1) {
        await send('/softline/v1/order/7');
        await send('/crm/v1/licenses');
      }
      await send('/twin/iam/api/v1/users/me');
      if (minute % 15 === 10) vendors.twin.revokeCurrent();
      if (minute > 40) await send('/shops/v1/order/7', minute % Math.min(count - 3, 30));
      if (minute === 50) {
        vendors.chatapp.set({ refreshMode: 'status-500', loginMode: 'status-500' });
        vendors.chatapp.revokeCurrent();
      }
      if (minute > 55) await send('/away/x');
      ahead += MINUTE;
      // A minute is closed by who looks in the next one.
      await call(started.operatorUrl, '/overview');
    }
    return started;
  };

  for (const count of [9, 150, 100_000])
    it(`with ${count} accounts, light, dark and on a phone, and nothing beside the screen`, async function () {
      const { operatorUrl } = await start(count);
      const pictures = process.env['TOKENWARD_SCREENSHOTS'];
      if (pictures !== undefined) mkdirSync(pictures, { recursive: true });
      for (const [name, options] of Object.entries(LOOKS)) {
        const page = await shown(await open(this, operatorUrl, { ...options, reducedMotion: 'reduce' }));
        await page.locator('#incidents > li').first().waitFor();
        const { width } = page.viewportSize()!;
        assert.equal(await page.evaluate('document.documentElement.scrollWidth'), width, name);
        if (pictures !== undefined)
          await page.screenshot({ path: join(pictures, `page-${count}-${name}.png`), fullPage: true });
        await page.context().close();
      }
    });
});
