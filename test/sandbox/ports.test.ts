import assert from 'node:assert/strict';
import net from 'node:net';
import { startSandbox } from '../../src/sandbox/sandbox.ts';
import { twin } from './client.ts';

/**
 * The first of nine free ports in a row, below those that the system hands out by itself: other tests take theirs from
 * there.
 */
async function nineFreePorts(): Promise<number> {
  for (;;) {
    const first = 20_000 + 9 * Math.floor(Math.random() * 1_000);
    const free = await Promise.all(Array.from({ length: 9 }, (_, index) => isFree(first + index)));
    if (free.every(Boolean)) return first;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = net.createServer();
  const free = await new Promise<boolean>((resolve) =>
    server.on('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true)),
  );
  if (free) await new Promise((resolve) => server.close(resolve));
  return free;
}

describe('sandbox: ports', () => {
  it('counts up from basePort, and says so when a port is taken', async () => {
    const basePort = await nineFreePorts();
    const sandbox = await startSandbox({ basePort });
    try {
      const twinUrls: Readonly<Record<string, string>> = { ...sandbox.urls.twin };
      const ports = [sandbox.urls.control, sandbox.urls.softline, sandbox.urls.chatapp, ...Object.values(twinUrls)].map(
        (url) => Number(new URL(url).port) - basePort,
      );
      assert.deepEqual(ports, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
      await assert.rejects(startSandbox({ basePort }), { code: 'EADDRINUSE' });
    } finally {
      await sandbox.close();
    }
  });

  it('closes at once, with requests open', async () => {
    const sandbox = await startSandbox();
    sandbox.twin.set({ loginMode: 'hang' });
    const pending = twin.login(sandbox).catch((error: unknown) => error);
    while (sandbox.ledger.open().twin === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const started = Date.now();
    await sandbox.close();
    assert.ok(Date.now() - started < 1_000);
    assert.ok((await pending) instanceof Error);
  });
});
