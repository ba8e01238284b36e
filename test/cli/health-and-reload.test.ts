import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freshFolder, writeConfig } from '../support/files.ts';
import { run, serve } from '../support/process.ts';
import { requireBuild } from '../support/tools.ts';
import { freePort } from '../support/wire.ts';

describe('tokenward health and reload', function () {
  this.timeout(60_000);
  const folder = freshFolder();
  before(function () {
    requireBuild(this);
  });

  async function configured(): Promise<{ file: string; operator: string }> {
    const operator = await freePort();
    const file = writeConfig(folder(), {
      listen: { host: '127.0.0.1', port: 0 },
      operator: { host: '127.0.0.1', port: operator },
      store: { type: 'embedded', path: join(folder(), 'store') },
      accounts: { fixed: { flow: 'static', credentials: { token: 'a-fixed-token' } } },
      routes: [{ prefix: '/api', upstream: 'http://127.0.0.1:9', account: 'fixed' }],
    });
    return { file, operator: `127.0.0.1:${operator}` };
  }

  it('health is 1 while nothing answers, waits for it, and is 0 then', async () => {
    const { file, operator } = await configured();
    const nothing = await run(['health', '--operator', operator]);
    assert.deepEqual([nothing.code, nothing.stdout], [1, '']);
    assert.match(nothing.stderr, /Nothing answers at http:\/\/127\.0\.0\.1:\d+ within 2\.5 s/);
    const waiting = run(['health', '--ready', '--wait', '50', '--operator', operator]);
    const proxy = await serve(['-c', file]);
    const { code, stdout } = await waiting;
    assert.deepEqual([code, stdout], [0, 'ready\n']);
    assert.deepEqual((await run(['health', '-c', file])).stdout, 'alive\n');
    await proxy.end();
  });

  it('reload says what has changed, or ends with 1 and every mistake', async () => {
    const { file, operator } = await configured();
    const proxy = await serve(['-c', file]);
    const env = { TOKENWARD_OPERATOR: operator };
    const good = JSON.parse(readFileSync(file, 'utf8')) as object;
    writeFileSync(file, JSON.stringify({ ...good, shutdown: { drain: '9s' } }));
    const changed = await run(['reload'], { env });
    assert.equal(changed.code, 0, changed.stderr);
    assert.match(changed.stdout, /^Reloaded:\n.*shutdown/);
    writeFileSync(file, JSON.stringify({ ...good, routs: [] }));
    const refused = await run(['reload'], { env });
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /routs: unknown key; did you mean "routes"\?/);
    writeFileSync(file, JSON.stringify({ ...good, listen: { port: 1 } }));
    const restart = await run(['reload'], { env });
    assert.equal(restart.code, 1);
    assert.match(restart.stderr, /listen\.port: a change here needs a restart/);
    await proxy.end();
  });
});
