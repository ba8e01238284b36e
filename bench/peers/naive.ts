import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Peer } from './peer.ts';

const require = createRequire(import.meta.url);

function versionIn(name: string): string | undefined {
  try {
    return (require(`${name}/package.json`) as { version: string }).version;
  } catch {
    return undefined;
  }
}

export const naive: Peer = {
  name: 'naive',
  about: 'Express + http-proxy as most people write it: a fixed header, nothing else',
  keepsAlive: false,
  missing: () => (versionIn('http-proxy') === undefined ? 'http-proxy is not installed (npm ci)' : undefined),
  async start({ processes, port, cpu, upstreamPort, token }) {
    const script = join(import.meta.dirname, 'naive.mjs');
    const started = processes.start(process.execPath, [script], {
      cpu,
      env: { PORT: String(port), TARGET: `http://127.0.0.1:${upstreamPort}`, TOKEN: token },
    });
    await started.accepts(port);
    return {
      port,
      pids: [started.pid],
      version: `express ${versionIn('express') ?? '?'}, http-proxy ${versionIn('http-proxy') ?? '?'}`,
      stop: () => started.stop(),
    };
  },
};
