import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { freshFolder, writeConfig } from '../support/files.ts';
import { MAIN } from '../support/process.ts';
import { requireBuild, requireTool } from '../support/tools.ts';

describe('tokenward import at a terminal', () => {
  const folder = freshFolder();

  it("asks for the token, does not show it, and takes one longer than a terminal's own line", async function () {
    requireBuild(this);
    const script = requireTool(this, 'script');
    const secret = 'r'.repeat(6_000);
    const file = writeConfig(folder(), {
      store: { type: 'embedded', path: join(folder(), 'data') },
      accounts: { crm: { flow: 'chatapp', credentials: { email: 'e', password: 'p', appId: 'a' } } },
      routes: [{ prefix: '/crm', upstream: 'https://crm.example', account: 'crm' }],
    });
    const child = spawn(script, ['-qec', `'${process.execPath}' '${MAIN}' import crm -c '${file}'`, '/dev/null']);
    let shown = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (!shown.includes('(not shown): ') && (shown + text).includes('(not shown): '))
        setTimeout(() => child.stdin.write(`${secret}\r`), 200);
      shown += text;
    });
    const [code] = (await once(child, 'close')) as [number];
    assert.equal(code, 0, shown);
    assert.match(shown, /^Refresh token of crm \(not shown\): /);
    assert.match(shown, /crm: refresh token imported, generation 1; the next request spends it/);
    assert.ok(!shown.includes('rrrr'));
  });
});
