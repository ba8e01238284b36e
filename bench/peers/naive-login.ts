import { join } from 'node:path';
import { naive } from './naive.ts';
import type { Peer } from './peer.ts';

/** The naive proxy that also renews its token. Takes part in the revocation only. */
export const naiveLogin: Peer = {
  name: 'naive',
  about: 'Express + http-proxy, and a login whenever the upstream answers 401',
  keepsAlive: false,
  missing: () => naive.missing(),
  async start({ processes, port, cpu, upstreamPort, tokenEndpoint }) {
    const started = processes.start(process.execPath, [join(import.meta.dirname, 'naive-login.mjs')], {
      cpu,
      env: { PORT: String(port), TARGET: `http://127.0.0.1:${upstreamPort}`, TOKEN_ENDPOINT: tokenEndpoint },
    });
    await started.accepts(port);
    return { port, pids: [started.pid], version: `Node ${process.version}`, stop: () => started.stop() };
  },
};
