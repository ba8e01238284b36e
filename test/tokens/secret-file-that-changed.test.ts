import assert from 'node:assert/strict';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { call } from '../support/call.ts';
import { FakeClock } from '../support/clock.ts';
import { freshFolder } from '../support/files.ts';
import { closing, startCustomProxy } from '../support/custom-proxy.ts';
import type { RunningProxy } from '../support/proxy.ts';
import { ownCode } from '../support/world.ts';

const READ = '/softline/v1/order/77';
/** More than refused credentials wait before their files are looked at again. */
const LONG = 31_000;

describe('an account whose password comes from a file', () => {
  const close = closing();
  const folder = freshFolder();
  let sandbox: Sandbox;
  let clock: FakeClock;
  beforeEach(async () => {
    sandbox = await close(startSandbox());
    clock = new FakeClock();
  });

  const file = (): string => join(folder(), 'password');
  /** As Kubernetes and careful people do it: whole, or not at all. */
  const write = (text: string): void => {
    writeFileSync(`${file()}.new`, text);
    renameSync(`${file()}.new`, file());
  };
  const right = (): string => `${sandbox.credentials.softline.password}\n`;
  const start = (account: object = {}): Promise<RunningProxy> =>
    close(
      startCustomProxy(
        {
          accounts: {
            shop: {
              flow: 'softline',
              baseUrl: sandbox.urls.softline,
              credentials: { username: sandbox.credentials.softline.username, password: `\${file:${file()}}` },
              ...account,
            },
          },
          routes: [{ prefix: '/softline', upstream: sandbox.urls.softline, account: 'shop' }],
        },
        { clock },
      ),
    );
  const calls = (): string[] =>
    sandbox.ledger
      .entries({ vendor: 'softline', where: ({ kind }) => kind !== 'api' })
      .map(({ kind, outcome }) => `${kind} ${outcome}`);
  const told = ({ lines }: RunningProxy): number =>
    lines.filter((line) => line.includes('has changed and was read again')).length;

  it('is healed when the file is replaced after the refusal: the next caller is served, for one more login', async () => {
    write('wrong');
    const proxy = await start();
    assert.equal(ownCode(await call(proxy.url, READ)), 'credential_dead');
    assert.deepEqual(calls(), ['login refused']);
    write(right());
    const answers = await Promise.all(Array.from({ length: 20 }, () => call(proxy.url, READ)));
    assert.deepEqual(
      answers.map(({ status }) => status),
      answers.map(() => 200),
    );
    assert.deepEqual(calls(), ['login refused', 'login ok']);
    assert.equal(told(proxy), 1);
    assert.ok(!proxy.lines.join('').includes(sandbox.credentials.softline.password));
  });

  it('is not even refused when the file was replaced before: the caller is served by the second login', async () => {
    write('wrong');
    const proxy = await start();
    write(right());
    assert.equal((await call(proxy.url, READ)).status, 200);
    assert.deepEqual(calls(), ['login refused', 'login ok']);
    assert.equal(told(proxy), 1);
  });

  it('makes no further login while the file says the same, however often it is written', async () => {
    write('wrong');
    const proxy = await start();
    for (let i = 0; i < 5; i += 1) {
      assert.equal(ownCode(await call(proxy.url, READ)), 'credential_dead');
      write(`wrong${'\n'.repeat(i)}`);
      clock.pass(LONG);
    }
    assert.deepEqual(calls(), ['login refused']);
    assert.equal(told(proxy), 0);
  });

  it('makes one login for each content that is wrong, and looks twice a minute at most', async () => {
    write('wrong');
    const proxy = await start();
    await call(proxy.url, READ);
    write('wrong as well');
    assert.equal(ownCode(await call(proxy.url, READ)), 'credential_dead');
    assert.equal(ownCode(await call(proxy.url, READ)), 'credential_dead');
    assert.deepEqual(calls(), ['login refused', 'login refused']);
    write(right());
    assert.equal(ownCode(await call(proxy.url, READ)), 'credential_dead', 'it was looked at a moment ago');
    clock.pass(LONG);
    assert.equal((await call(proxy.url, READ)).status, 200);
    assert.deepEqual(calls(), ['login refused', 'login refused', 'login ok']);
  });

  it('takes no account of a file that is empty, no text or gone, and does when it is back', async () => {
    write('wrong');
    const proxy = await start();
    await call(proxy.url, READ);
    for (const spoil of [
      () => write(''),
      () => writeFileSync(file(), Buffer.from([0xff, 0xfe, 0xfd])),
      () => rmSync(file()),
      () => write('in\nvalid\0'),
    ]) {
      spoil();
      clock.pass(LONG);
      assert.equal(ownCode(await call(proxy.url, READ)), 'credential_dead');
    }
    write(right());
    clock.pass(LONG);
    assert.equal((await call(proxy.url, READ)).status, 200);
  });

  it('pays for the login from the same budget', async () => {
    write('wrong');
    const proxy = await start({ budget: { logins: 1, per: '24h', reserve: 0 } });
    assert.equal(ownCode(await call(proxy.url, READ)), 'credential_dead');
    write(right());
    assert.equal(ownCode(await call(proxy.url, READ)), 'login_budget_exhausted');
    assert.deepEqual(calls(), ['login refused']);
    clock.pass(25 * 3_600_000);
    assert.equal((await call(proxy.url, READ)).status, 200);
  });

  it("is read again for an operator's renewal", async () => {
    write('wrong');
    const proxy = await start();
    await call(proxy.url, READ);
    clock.pass(LONG);
    await call(proxy.url, READ);
    write(right());
    const renewed = await proxy.app.tokens.renewNow('shop');
    assert.equal(renewed.generation, 1);
    assert.deepEqual(calls(), ['login refused', 'login ok']);
  });

  it('keeps the user it started with: a file that names another one is for a restart', async () => {
    write(right());
    const name = join(folder(), 'username');
    writeFileSync(name, 'nobody');
    const proxy = await start({ credentials: { username: `\${file:${name}}`, password: `\${file:${file()}}` } });
    assert.equal(ownCode(await call(proxy.url, READ)), 'credential_dead');
    writeFileSync(name, sandbox.credentials.softline.username);
    assert.equal(ownCode(await call(proxy.url, READ)), 'credential_dead');
    assert.deepEqual(calls(), ['login refused']);
    const again = await start({ credentials: { username: `\${file:${name}}`, password: `\${file:${file()}}` } });
    assert.equal((await call(again.url, READ)).status, 200);
  });
});
