import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { uptime } from 'node:os';
import { join } from 'node:path';
import { bootTimeBy, bootTimeOf, systemBootTime } from '../../src/tokens/boot-time.ts';
import { FakeClock } from '../support/clock.ts';
import { freshFolder } from '../support/files.ts';

const BOOT_ID = '/proc/sys/kernel/random/boot_id';

describe('the time since the machine booted', () => {
  const folder = freshFolder();

  it("is the system's uptime, under the name that the system gives the boot", function () {
    if (!existsSync(BOOT_ID)) this.skip();
    const before = Math.round(uptime() * 1000);
    const { boot, ms } = systemBootTime()!;
    assert.equal(boot, readFileSync(BOOT_ID, 'utf8').trim());
    assert.ok(ms >= before && ms <= Math.round(uptime() * 1000), `${ms} ms, and ${before} ms before`);
  });

  it('is of one boot as long as the process runs', () => {
    const file = join(folder(), 'boot_id');
    writeFileSync(file, 'one\n');
    const bootTime = bootTimeBy(file);
    assert.equal(bootTime()?.boot, 'one');
    writeFileSync(file, 'another\n');
    assert.equal(bootTime()?.boot, 'one');
  });

  it('is not known where the system does not identify its boots', () => {
    const file = join(folder(), 'boot_id');
    const bootTime = bootTimeBy(file);
    assert.equal(bootTime(), undefined);
    writeFileSync(file, '\n');
    assert.equal(bootTimeBy(file)(), undefined);
  });

  it('follows a clock of its own in a simulation, and is comparable with that of no other', () => {
    const clock = new FakeClock();
    const bootTime = bootTimeOf(clock);
    const { boot, ms } = bootTime();
    clock.jump(1_000_000);
    clock.pass(250);
    assert.deepEqual(bootTime(), { boot, ms: ms + 250 });
    assert.equal(ms, clock.monotonic() - 250);
    assert.notEqual(bootTimeOf(clock)().boot, boot);
  });
});
