import assert from 'node:assert/strict';
import { freshBrowser, accountsOn, shown } from '../support/browser.ts';
import { eventually } from '../support/eventually.ts';
import { statusOf } from '../support/operator.ts';
import { freshWorld, tokenCalls } from '../support/world.ts';

describe("the operator's page in a browser", function () {
  this.timeout(90_000);
  const world = freshWorld();
  const open = freshBrowser();

  it('shows every account and route with its state, trouble first', async function () {
    const { proxy, sandbox, call } = world();
    await call('/softline/v1/order/7');
    await call('/softline/v1/order/8');
    sandbox.twin.accounts.length = 0;
    await call('/twin/iam/api/v1/users/me');
    const page = await shown(await open(this, proxy.operatorUrl));
    const accounts = await accountsOn(page);
    assert.deepEqual(
      accounts.map(({ name, state }) => [name, state]),
      [
        ['twin', 'dead'],
        ['softline', 'working'],
        ['crm', 'unused'],
      ],
    );
    assert.match(accounts[0]!.text, /the token endpoint refused the login \(status 401\)/);
    assert.match(accounts[1]!.text, /(23 h 59 min|24 h 0 min)/);
    assert.match(accounts[2]!.text, /80 of 80 \+ 20/);
    const { verdict } = await statusOf(proxy);
    assert.equal(await page.locator('#verdict').textContent(), verdict);
    assert.equal(await page.locator('#incidents > li').count(), 1);
    assert.match((await page.locator('#incidents').textContent())!, /Routes\/twin\/iam, \/twin\/cis, \/twin\/notify/);
    const routes = await page.locator('#route-list h3').allTextContents();
    assert.deepEqual(routes, ['/softline', '/crm', '/twin/iam', '/twin/cis', '/twin/notify']);
    assert.match((await page.locator('#route-list > li').first().textContent())!, /2 since the start, 0 in flight/);
    assert.equal(await page.title(), '(1) tokenward');
  });

  it('renews an account by its button, and the token endpoint sees one login', async function () {
    const { proxy, sandbox, call } = world();
    await call('/softline/v1/order/7');
    const page = await shown(await open(this, proxy.operatorUrl));
    await page.getByRole('button', { name: 'Renew softline' }).click();
    await page.getByRole('heading', { name: 'Renew softline?' }).waitFor();
    assert.equal(tokenCalls(sandbox, 'softline'), 1);
    await page.locator('#dialog-confirm').click();
    await page.getByText('softline has a new token, generation 2.').waitFor();
    assert.equal(tokenCalls(sandbox, 'softline'), 2);
    const [line] = proxy.lines.filter((one) => one.includes('an operator renewed'));
    assert.match(line!, /"address":"127\.0\.0\.1","by":"no key"/);
    // The strip and the table show it: the newest first.
    await page.getByRole('button', { name: 'Details of softline' }).click();
    const rows = page.locator('#account-list table tbody tr');
    await eventually('both renewals are listed', async () => (await rows.count()) === 2);
    assert.match((await rows.first().textContent())!, /operator.*login.*granted/);
    assert.match((await rows.last().textContent())!, /first.*login.*granted/);
  });

  it('does nothing if the dialog is cancelled, and shows why something failed', async function () {
    const { proxy, sandbox } = world();
    const page = await shown(await open(this, proxy.operatorUrl));
    await page.getByRole('button', { name: 'Renew softline' }).click();
    await page.getByRole('button', { name: 'Cancel' }).click();
    assert.equal(await page.locator('#dialog').isVisible(), false);
    assert.equal(tokenCalls(sandbox, 'softline'), 0);
    sandbox.softline.accounts.length = 0;
    await page.getByRole('button', { name: 'Renew softline' }).click();
    await page.locator('#dialog-confirm').click();
    const failure = page.locator('#dialog-failure');
    await failure.waitFor();
    assert.match((await failure.textContent())!, /the token endpoint refused the login/);
    assert.equal(tokenCalls(sandbox, 'softline'), 1);
  });

  it('works with the keyboard alone', async function () {
    const { proxy, sandbox } = world();
    const page = await shown(await open(this, proxy.operatorUrl));
    await page.keyboard.press('/');
    await page.keyboard.type('soft');
    await eventually('one account is left', async () => (await accountsOn(page)).length === 1);
    assert.match(page.url(), /\?q=soft$/);
    for (let steps = 0; steps < 5; steps += 1) {
      await page.keyboard.press('Tab');
      if ((await page.evaluate('document.activeElement?.textContent')) === 'Renew') break;
    }
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Renew softline?' }).waitFor();
    await page.keyboard.press('Enter');
    await page.getByText('softline has a new token, generation 1.').waitFor();
    assert.equal(tokenCalls(sandbox, 'softline'), 1);
    // The focus is back where it was, and the details unfold.
    assert.equal(await page.evaluate('document.activeElement?.textContent'), 'Renew');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.locator('#account-list table').waitFor();
  });

  it('shows what changes while it is open', async function () {
    const { proxy, sandbox, call } = world();
    const page = await shown(await open(this, proxy.operatorUrl));
    assert.match((await page.locator('#verdict').textContent())!, /^Ready/);
    sandbox.twin.accounts.length = 0;
    await call('/twin/iam/api/v1/users/me');
    await page.getByText('1 of 3 accounts cannot serve.').waitFor();
    await eventually('the account is shown as dead', async () => (await accountsOn(page))[0]!.state === 'dead');
    assert.equal(await page.locator('#live').textContent(), 'live');
  });

  it('lists only what the chips and the filter say', async function () {
    const { proxy, call } = world();
    await call('/softline/v1/order/7');
    const page = await shown(await open(this, `${proxy.operatorUrl}/?state=unused`));
    assert.deepEqual(
      (await accountsOn(page)).map(({ name }) => name),
      ['crm', 'twin'],
    );
    await page.getByRole('button', { name: /^working/ }).click();
    await eventually('all are listed', async () => (await accountsOn(page)).length === 3);
    await page.getByRole('button', { name: /^all/ }).click();
    await page.locator('#filter').fill('nothing of the kind');
    await page.getByText('No account matches.').waitFor();
  });
});
