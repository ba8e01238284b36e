import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freshFolder, writeConfig } from '../support/files.ts';
import { operator } from '../support/operator.ts';
import { serve } from '../support/process.ts';
import { requireBuild } from '../support/tools.ts';

describe('the process of tokenward', () => {
  const folder = freshFolder();
  const file = (workers: number): string =>
    writeConfig(folder(), {
      listen: { port: 0 },
      operator: { port: 0 },
      workers,
      store: { type: 'embedded', path: join(folder(), 'data') },
      accounts: { a: { flow: 'static', credentials: { token: '${CANARY_TOKEN}' } } },
      routes: [{ prefix: '/x', upstream: 'http://127.0.0.1:1', account: 'a' }],
    });
  const childrenOf = (parent: number): number[] =>
    readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => {
        try {
          return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[1] === String(parent);
        } catch {
          return false;
        }
      });

  for (const workers of [1, 2]) {
    it(`opens no debugger at SIGUSR1, with ${workers} of them`, async function () {
      requireBuild(this);
      this.timeout(30_000);
      const served = await serve(['-c', file(workers)], { CANARY_TOKEN: 'cAnArY' });
      try {
        for (const pid of [served.child.pid!, ...childrenOf(served.child.pid!)]) process.kill(pid, 'SIGUSR1');
        await sleep(500);
        await operator(served).get('/healthz').expect(200, 'ok\n');
        assert.doesNotMatch(served.output().stderr, /debugger/i);
      } finally {
        assert.equal(await served.end(), 0);
      }
    });
  }

  it("hands no secret on to its workers' environment", async function () {
    requireBuild(this);
    this.timeout(30_000);
    const served = await serve(['-c', file(2)], { CANARY_TOKEN: 'cAnArY' });
    try {
      const children = childrenOf(served.child.pid!);
      assert.equal(children.length, 2);
      for (const pid of children) assert.ok(!readFileSync(`/proc/${pid}/environ`, 'utf8').includes('cAnArY'));
    } finally {
      assert.equal(await served.end(), 0);
    }
  });
});
