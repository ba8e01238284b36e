import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync } from 'node:fs';
import { childrenOf, vitalsOf } from './kernel.ts';

describe('what the kernel says of a process', function () {
  before(function () {
    if (!existsSync(`/proc/${process.pid}/task/${process.pid}/children`)) this.skip();
  });

  it('is its resident memory, its descriptors and its processor time', () => {
    const before = vitalsOf(process.pid)!;
    const rss = process.memoryUsage.rss();
    assert.ok(before.rss > rss / 2 && before.rss < rss * 2, `${before.rss} and ${rss}`);
    assert.ok(before.cpuSeconds > 0);
    const opened = Array.from({ length: 20 }, () => openSync('/dev/null', 'r'));
    assert.ok(vitalsOf(process.pid)!.descriptors >= before.descriptors + 15);
    for (const descriptor of opened) closeSync(descriptor);
  });

  it('names its children, and nothing of one that has ended', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    const { pid } = child;
    assert.ok(pid !== undefined && childrenOf(process.pid).includes(pid));
    assert.ok(vitalsOf(pid)!.rss > 0);
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    assert.equal(vitalsOf(pid), undefined);
    assert.deepEqual(childrenOf(pid), []);
  });
});
