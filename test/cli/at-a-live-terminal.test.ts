import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { freshFolder } from '../support/files.ts';
import { atTerminal, type AtTerminal } from '../support/terminal.ts';
import { freshWorld } from '../support/world.ts';

/** The other screen with a hidden cursor, and back (ECMA-48 and xterm). */
const ENTER = '\x1b[?1049h\x1b[?25l';
const LEAVE = '\x1b[?25h\x1b[?1049l';

describe('tokenward at a live terminal', function () {
  this.timeout(60_000);
  const folder = freshFolder();
  const world = freshWorld();
  let terminal: AtTerminal | undefined;
  afterEach(() => {
    terminal?.kill();
    terminal = undefined;
  });

  for (const [name, size] of [
    ['of 40 rows', [40, 160]],
    ['that has no size', undefined],
  ] as const)
    it(`top ${name} counts on while it is open, and q gives the terminal back`, async function () {
      const { call, proxy } = world();
      await call('/crm/v1/licenses');
      const args = ['top', '--interval', '0.2', '--operator', proxy.operatorUrl];
      const top = (terminal = atTerminal(this, args, size, folder()));
      await top.sees(/\/crm +http:\S+ +crm +1 /);
      await call('/crm/v1/licenses');
      await top.sees(/\/crm +http:\S+ +crm +2 /);
      top.type('q');
      assert.equal(await top.ended(), 0);
      const [before, screens, after] = top.shown().split(new RegExp(`${escaped(ENTER)}|${escaped(LEAVE)}`));
      assert.equal(before, '');
      assert.match(screens!, /UTC, q ends it/);
      // What was shown last stays.
      assert.match(after!, /\/crm +http:\S+ +crm +2 /);
      assert.ok(!after!.includes('\x1b'), JSON.stringify(after));
    });

  it('status --watch shows that an account dies, that tokenward is gone, and ends by Ctrl-C', async function () {
    const { call, proxy, sandbox } = world();
    await call('/crm/v1/licenses');
    const args = ['status', '--watch', '--operator', proxy.operatorUrl];
    const status = (terminal = atTerminal(this, args, [40, 200], folder()));
    await status.sees(/crm +chatapp +working/);
    await status.sees(/twin +twin +unused/);
    sandbox.twin.accounts[0] = { ...sandbox.twin.accounts[0]!, password: 'another' };
    await call('/twin/iam/api/v1/users/me');
    await status.sees(/twin +twin +dead/);
    await proxy.app.stop({ idleMs: 0 });
    await status.sees(/no tokenward|does not answer|cannot be reached|refused|nothing (?:listens|answers)/i);
    status.type('\x03');
    assert.equal(typeof (await status.ended()), 'number');
    assert.ok(status.shown().includes(LEAVE));
  });

  it('init asks for the flow, the name and the API, and asks again after an answer that it cannot use', async function () {
    const init = (terminal = atTerminal(this, ['init'], [40, 160], folder()));
    await init.sees(/Which API\?.* \[own\]/s);
    init.type('chatap\r');
    await init.sees(/chatapp/);
    await init.sees(/\n/);
    init.type('chatapp\r');
    await init.sees(/The name of its account and route \[chatapp\]/);
    init.type('crm\r');
    await init.sees(/The API that requests go to \[https:\S+\]/);
    init.type('\r');
    await init.sees(/Wrote proxy\.config\.yaml/);
    assert.equal(await init.ended(), 0);
    const written = readFileSync(join(folder(), 'proxy.config.yaml'), 'utf8');
    assert.match(written, /^ {2}crm:/m);
    assert.match(written, /flow: chatapp/);
    assert.match(written, /prefix: \/crm\b/);
  });
});

function escaped(sequence: string): string {
  return sequence.replaceAll(/[[?]/g, '\\$&');
}
