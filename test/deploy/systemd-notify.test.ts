import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../support/eventually.ts';
import { freshFolder, writeConfig } from '../support/files.ts';
import { MAIN } from '../support/process.ts';
import { answerOf } from '../support/starting.ts';
import { startManager } from '../support/systemd.ts';
import { requireBuild, requireTool } from '../support/tools.ts';
import { freePort } from '../support/wire.ts';

describe('Type=notify', function () {
  this.timeout(90_000);
  const folder = freshFolder();

  it('systemd hears that it is ready only when it serves, and that it stops', async function () {
    requireBuild(this);
    requireTool(this, 'systemd-notify');
    const [port, operator, secret, log] = [
      await freePort(),
      await freePort(),
      join(folder(), 's'),
      join(folder(), 'log'),
    ];
    const file = writeConfig(folder(), {
      listen: { host: '127.0.0.1', port },
      operator: { host: '127.0.0.1', port: operator },
      startup: { wait: '3s' },
      store: { type: 'embedded', path: join(folder(), 'store') },
      accounts: { fixed: { flow: 'static', credentials: { token: `\${file:${secret}}` } } },
      routes: [{ prefix: '/api', upstream: 'http://127.0.0.1:9', account: 'fixed' }],
    });
    const manager = await startManager(requireTool(this, 'python3'), [], join(folder(), 'notify'));
    const said = (): string => manager.notices.join('\n');
    try {
      const failing = await manager.start([process.execPath, MAIN, 'serve', '-c', file], log);
      await eventually(
        'it is alive',
        async () => (await answerOf(`http://127.0.0.1:${operator}/healthz`))?.status === 200,
      );
      assert.equal(await manager.ended(failing), 2);
      assert.doesNotMatch(said(), /READY=1/);

      writeFileSync(secret, 'there');
      const pid = await manager.start([process.execPath, MAIN, 'serve', '-c', file], log);
      await eventually('systemd was told', () => said().includes('READY=1'), 30_000);
      assert.equal((await answerOf(`http://127.0.0.1:${port}/nowhere`))?.status, 404);
      assert.match(said(), new RegExp(`STATUS=serving on http://127\\.0\\.0\\.1:${port}`));
      process.kill(pid, 'SIGTERM');
      assert.equal(await manager.ended(pid), 0, existsSync(log) ? readFileSync(log, 'utf8') : '');
      assert.match(said(), /STOPPING=1/);
    } finally {
      manager.close();
    }
  });
});
