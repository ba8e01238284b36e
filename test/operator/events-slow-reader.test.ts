import assert from 'node:assert/strict';
import type { Request, Response } from 'express';
import { EventEmitter } from 'node:events';
import { EventStream } from '../../src/operator/events.ts';
import type { Overview } from '../../src/operator/view.ts';
import { eventually } from '../support/eventually.ts';
import { recorder } from '../support/proxy.ts';

/** A response whose reader takes nothing, or everything. */
class Listener extends EventEmitter {
  writableLength = 0;
  destroyed = false;
  readonly takes: boolean;

  constructor(takes: boolean) {
    super();
    this.takes = takes;
  }

  writeHead(): void {}

  write(text: string): void {
    if (!this.takes) this.writableLength += text.length;
  }

  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }
}

describe('a listener of /events that reads nothing', () => {
  it('is dropped, and the others hear on', async function () {
    this.timeout(20_000);
    let revision = 0;
    const overview = async (): Promise<Overview> =>
      ({ routes: [], verdict: 'x'.repeat(600_000), revision: (revision += 1) }) as unknown as Overview;
    const stream = new EventStream({ overview }, recorder([]));
    const slow = new Listener(false);
    const good = new Listener(true);
    for (const one of [slow, good]) stream.listen({} as Request, one as unknown as Response);
    await eventually('the slow one is dropped', () => slow.destroyed, 10_000);
    assert.equal(good.destroyed, false);
    assert.ok(slow.writableLength < 2 * 1024 * 1024);
    good.destroy();
  });
});
