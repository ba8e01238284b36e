import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { find, versionOf } from '../machine.ts';
import type { Peer } from './peer.ts';

export const haproxy: Peer = {
  name: 'haproxy',
  about: 'sets a fixed header; one thread',
  keepsAlive: true,
  slowRunsOnly: true,
  missing: () => (find('haproxy') === undefined ? 'haproxy is not installed' : undefined),
  async start({ processes, folder, port, cpu, upstreamPort, token }) {
    const program = find('haproxy')!;
    const file = join(folder, 'haproxy.cfg');
    writeFileSync(
      file,
      `global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 3s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend in
  bind 127.0.0.1:${port}
  default_backend api
backend api
  http-request set-header host 127.0.0.1:${upstreamPort}
  http-request set-header authorization ${token}
  server api 127.0.0.1:${upstreamPort}
`,
    );
    const started = processes.start(program, ['-db', '-f', file], { cpu });
    await started.accepts(port);
    return { port, pids: [started.pid], version: versionOf(program, '-v'), stop: () => started.stop() };
  },
};
