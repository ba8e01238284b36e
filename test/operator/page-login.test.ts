import assert from 'node:assert/strict';
import type { Response } from 'supertest';
import { keyDigest } from '../../src/proxy/caller.ts';
import { freshBrowser, shown } from '../support/browser.ts';
import { FakeClock } from '../support/clock.ts';
import { operator } from '../support/operator.ts';
import { freshWorld, tokenCalls } from '../support/world.ts';

const KEY = 'oPerators-kEy-91c7e2a4';
const config = (base: Record<string, unknown>): Record<string, unknown> => ({
  ...base,
  operator: { host: '127.0.0.1', port: 0, key: keyDigest(KEY), hosts: ['ops.internal'] },
});
interface Coded {
  readonly code?: string;
  readonly token?: string;
}

describe('the session of an operator in a browser', () => {
  const clock = new FakeClock();
  const world = freshWorld({ config, surroundings: { clock } });

  /** What a browser sends of a session. */
  const logIn = async (headers: Record<string, string> = {}): Promise<Record<string, string>> => {
    const response = await operator(world().proxy)
      .post('/session')
      .set({ 'x-tokenward-key': KEY, ...headers })
      .expect(200);
    const [cookie] = response.get('set-cookie')!;
    return { cookie: cookie!.split(';')[0]!, 'x-tokenward-session': (response.body as Coded).token! };
  };
  const own = (): Record<string, string> => ({ origin: world().proxy.operatorUrl, 'sec-fetch-site': 'same-origin' });
  const renew = async (headers: Record<string, string>): Promise<[number, string | undefined]> => {
    const response = await operator(world().proxy).post('/renew/softline').set(headers);
    return [response.status, (response.body as Coded).code];
  };

  it('has a cookie that scripts, other sites and plain connections do not get', async () => {
    const { proxy } = world();
    const plain = await operator(proxy).post('/session').set('x-tokenward-key', KEY).expect(200);
    assert.match(
      plain.get('set-cookie')![0]!,
      /^tokenward-operator=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=28800$/,
    );
    const behindTls = await operator(proxy)
      .post('/session')
      .set({ 'x-tokenward-key': KEY, origin: 'https://ops.internal', host: 'ops.internal' })
      .expect(200);
    assert.match(
      behindTls.get('set-cookie')![0]!,
      /^__Host-tokenward-operator=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=28800; Secure$/,
    );
  });

  it('acts with cookie and token together, from the same origin, and with nothing less', async () => {
    const { sandbox, proxy } = world();
    const session = await logIn();
    const { cookie } = session as { cookie: string };
    assert.deepEqual(await renew({ ...own(), cookie }), [401, 'operator_key_missing']);
    assert.deepEqual(await renew({ ...own(), 'x-tokenward-session': session['x-tokenward-session']! }), [
      401,
      'operator_key_missing',
    ]);
    const another = await logIn();
    assert.deepEqual(await renew({ ...own(), ...session, cookie: another['cookie']! }), [401, 'operator_key_missing']);
    for (const headers of [
      { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
      { origin: 'http://127.0.0.1:1', 'sec-fetch-site': 'same-site' },
    ] as Record<string, string>[])
      assert.deepEqual(await renew({ ...session, ...headers }), [403, 'cross_site'], JSON.stringify(headers));
    assert.equal(tokenCalls(sandbox, 'softline'), 0);
    assert.deepEqual(await renew({ ...own(), ...session }), [200, undefined]);
    assert.equal(tokenCalls(sandbox, 'softline'), 1);
    const lines = proxy.lines.map((line) => JSON.parse(line) as { message: string; by?: string; address?: string });
    const begun = lines.find(({ message }) => message === 'an operator logged in to the page')!;
    const acted = lines.find(({ message }) => message === 'an operator renewed softline')!;
    assert.match(begun.by!, /^session [0-9a-f]{8}$/);
    assert.deepEqual([acted.by, acted.address], [begun.by, '127.0.0.1']);
    const all = proxy.lines.join('\n');
    for (const secret of [KEY, cookie.split('=')[1]!, session['x-tokenward-session']!])
      assert.ok(!all.includes(secret));
  });

  it('begins with the key alone', async () => {
    const { proxy } = world();
    const session = await logIn();
    await operator(proxy).post('/session').set(own()).expect(401);
    await operator(proxy)
      .post('/session')
      .set({ ...own(), ...session })
      .expect(401);
    await operator(proxy).post('/session').set({ 'x-tokenward-key': KEY, origin: 'https://evil.example' }).expect(403);
    await operator(proxy)
      .post('/session')
      .set({ 'x-tokenward-key': `${KEY}x` })
      .expect(403);
  });

  it('ends after 30 minutes without an action, after 8 hours, and with the logout', async () => {
    const { proxy } = world();
    const active = async (session: Record<string, string>): Promise<boolean> =>
      ((await operator(proxy).get('/session').set(session)).body as { active: boolean }).active;
    const session = await logIn();
    for (let step = 0; step < 3; step += 1) {
      clock.pass(29 * 60_000);
      assert.equal(await active(session), true);
    }
    clock.pass(30 * 60_000);
    assert.equal(await active(session), false);
    const long = await logIn();
    for (let step = 0; step < 16; step += 1) {
      clock.pass(29 * 60_000);
      assert.equal(await active(long), true, `step ${step}`);
    }
    clock.pass(29 * 60_000);
    assert.equal(await active(long), false);
    const left = await logIn();
    const out = await operator(proxy)
      .delete('/session')
      .set({ ...own(), ...left })
      .expect(200);
    assert.match(out.get('set-cookie')![0]!, /^tokenward-operator=; .*Max-Age=0$/);
    assert.deepEqual(await renew({ ...own(), ...left }), [401, 'operator_key_missing']);
  });

  it('makes whoever guesses keys wait, and not whoever has the right one', async () => {
    const { proxy } = world();
    const guess = async (): Promise<Response> => operator(proxy).post('/session').set('x-tokenward-key', 'a-guess');
    for (let tries = 0; tries < 10; tries += 1) assert.equal((await guess()).status, 403);
    const late = await guess();
    assert.deepEqual(
      [late.status, (late.body as Coded).code, late.get('retry-after')],
      [429, 'too_many_wrong_keys', '30'],
    );
    await logIn();
    clock.pass(30_000);
    assert.equal((await guess()).status, 403);
  });
});

describe("the operator's page with a key", function () {
  this.timeout(90_000);
  const world = freshWorld({ config });
  const open = freshBrowser();

  it('asks for the key once, then acts, and no script can read the cookie', async function () {
    const { proxy, sandbox } = world();
    const page = await shown(await open(this, proxy.operatorUrl));
    await page.getByRole('button', { name: 'Renew softline' }).click();
    await page.getByLabel("Operator's key").fill('wrong');
    await page.locator('#dialog-confirm').click();
    await page.getByText("The key sent is not the operator's.").waitFor();
    await page.getByLabel("Operator's key").fill(KEY);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Renew softline?' }).waitFor();
    await page.locator('#dialog-confirm').click();
    await page.getByText('softline has a new token, generation 1.').waitFor();
    assert.equal(tokenCalls(sandbox, 'softline'), 1);
    assert.equal(await page.evaluate('document.cookie'), '');
    assert.ok(!(await page.content()).includes(KEY));
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByText('You are logged out.').waitFor();
    await page.getByRole('button', { name: 'Renew crm' }).click();
    await page.getByRole('heading', { name: 'Log in as operator' }).waitFor();
  });
});
