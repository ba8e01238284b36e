import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tool } from '../tools.ts';
import type { Peer } from './peer.ts';

export const caddy: Peer = {
  name: 'caddy',
  about: 'sets a fixed header; one thread of Go, because it has one CPU',
  keepsAlive: true,
  slowRunsOnly: true,
  missing: () => (tool('caddy') === undefined ? 'caddy is not installed' : undefined),
  async start({ processes, folder, port, cpu, upstreamPort, token }) {
    const program = tool('caddy')!;
    const file = join(folder, 'Caddyfile');
    // By default it keeps 32 idle connections to an upstream; the loads have up to 256 requests under way.
    writeFileSync(
      file,
      `{
  admin off
  auto_https off
  persist_config off
}
http://127.0.0.1:${port} {
  bind 127.0.0.1
  reverse_proxy 127.0.0.1:${upstreamPort} {
    header_up Host 127.0.0.1:${upstreamPort}
    header_up Authorization ${token}
    transport http {
      keepalive_idle_conns 1024
      keepalive_idle_conns_per_host 512
    }
  }
}
`,
    );
    const started = processes.start(program, ['run', '--config', file, '--adapter', 'caddyfile'], {
      cpu,
      env: { HOME: folder, GOMAXPROCS: '1' },
    });
    await started.accepts(port);
    return { port, pids: [started.pid], version: versionOfCaddy(program), stop: () => started.stop() };
  },
};

/** One built by `go install` does not know its version; the list of its modules does. */
function versionOfCaddy(program: string): string {
  const { stdout } = spawnSync(program, ['build-info'], { encoding: 'utf8', timeout: 5_000 });
  return (
    /github\.com\/caddyserver\/caddy\/v2\s+v(\d+\.\d+\.\d+)/.exec(stdout)?.[1] ??
    /\d+\.\d+\.\d+/.exec(spawnSync(program, ['version'], { encoding: 'utf8', timeout: 5_000 }).stdout)?.[0] ??
    'unknown'
  );
}
