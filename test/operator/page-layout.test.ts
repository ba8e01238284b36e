import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { axeFindings, freshBrowser, shown } from '../support/browser.ts';
import { freshWorld } from '../support/world.ts';

const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };

describe("the layout of the operator's page", function () {
  this.timeout(120_000);
  const world = freshWorld();
  const open = freshBrowser();

  /** A world in which there is something of everything. */
  beforeEach(async () => {
    const { sandbox, call } = world();
    await call('/softline/v1/order/7');
    sandbox.twin.accounts.length = 0;
    await call('/twin/iam/api/v1/users/me');
  });

  const unfold = async (page: Page): Promise<void> => {
    await shown(page);
    await page.getByRole('button', { name: 'Details of twin' }).click();
  };

  for (const colorScheme of ['light', 'dark'] as const)
    it(`is without findings of axe in ${colorScheme}, in its dialog too`, async function () {
      const page = await open(this, world().proxy.operatorUrl, { colorScheme, reducedMotion: 'reduce' });
      await unfold(page);
      assert.deepEqual(await axeFindings(page), []);
      await page.getByRole('button', { name: 'Renew softline' }).click();
      assert.deepEqual(await axeFindings(page), []);
      await page.getByRole('button', { name: 'Cancel' }).click();
      await page.setViewportSize(PHONE.viewport);
      assert.deepEqual(await axeFindings(page), []);
    });

  it('has every account as a card on a phone, and nothing beside the screen', async function () {
    const page = await open(this, world().proxy.operatorUrl, PHONE);
    await unfold(page);
    assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 390);
    const cards = await Promise.all((await page.locator('#account-list > li').all()).map((card) => card.boundingBox()));
    assert.equal(cards.length, 3);
    assert.ok(cards.every((box) => box!.width > 330 && box!.width < 390));
    const renew = (await page.getByRole('button', { name: 'Renew crm' }).boundingBox())!;
    assert.ok(renew.x + renew.width <= 390 && renew.height >= 30);
    await page.getByRole('button', { name: 'Renew crm' }).click();
    const dialog = (await page.locator('#dialog').boundingBox())!;
    assert.ok(dialog.x >= 0 && dialog.x + dialog.width <= 390);
  });
});
