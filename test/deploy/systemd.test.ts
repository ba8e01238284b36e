import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { configSchema } from '../../src/config/schema.ts';
import { requireTool } from '../support/tools.ts';

const run = promisify(execFile);
const UNIT = 'deploy/systemd/tokenward.service';

describe('the systemd unit', () => {
  it('is understood by systemd, every line of it', async function () {
    const analyze = requireTool(this, 'systemd-analyze');
    const folder = mkdtempSync(join(tmpdir(), 'tokenward-unit-'));
    try {
      // The node that is here, since verify wants the program to exist.
      const file = join(folder, 'tokenward.service');
      writeFileSync(file, readFileSync(UNIT, 'utf8').replace('/usr/bin/node', process.execPath));
      const { stdout, stderr } = await run(analyze, ['verify', '--man=no', file]);
      // Unknown settings are only warned about; warnings about other units are not ours.
      assert.deepEqual(
        `${stdout}${stderr}`.split('\n').filter((line) => line.includes('tokenward')),
        [],
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('exposes no more than 1.2 by the scale of systemd-analyze', async function () {
    const analyze = requireTool(this, 'systemd-analyze');
    const { stdout } = await run(analyze, ['security', '--offline=true', '--no-pager', '--threshold=12', UNIT]);
    assert.match(stdout, /Overall exposure level for tokenward\.service: (0\.\d|1\.[012]) OK/);
  });

  it('waits longer for the start than tokenward itself', () => {
    const unit = readFileSync(UNIT, 'utf8');
    const [, start] = /^TimeoutStartSec=(\d+)s$/m.exec(unit)!;
    const [, ready] = /^ExecStartPost=.* health --ready --wait (\d+)$/m.exec(unit)!;
    assert.ok(configSchema.shape.startup.parse(undefined).wait / 1_000 < Number(ready));
    assert.ok(Number(ready) < Number(start));
  });

  it('keeps secrets out of core dumps, and ends by its main process', () => {
    const unit = readFileSync(UNIT, 'utf8');
    for (const line of [
      'LimitCORE=0',
      'KillMode=mixed',
      'NoNewPrivileges=yes',
      'ProtectSystem=strict',
      'StateDirectory=tokenward',
      'RuntimeDirectory=tokenward',
      'Restart=on-failure',
    ]) {
      assert.ok(unit.split('\n').includes(line), line);
    }
    assert.doesNotMatch(unit, /^MemoryDenyWriteExecute=/m);
  });
});
