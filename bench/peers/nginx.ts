import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { find, versionOf } from '../machine.ts';
import { nginxCommon, nginxFrame } from '../upstream.ts';
import type { Peer } from './peer.ts';

export const nginx: Peer = {
  name: 'nginx',
  about: 'sets a fixed header; one worker',
  keepsAlive: true,
  mustNotFail: true,
  missing: () => (find('nginx') === undefined ? 'nginx is not installed' : undefined),
  async start({ processes, folder, port, cpu, upstreamPort, token }) {
    const program = find('nginx')!;
    // proxy_set_header in a location cancels all inherited ones: without Connection "" here, the upstream's connections
    // would be closed in silence.
    writeFileSync(
      join(folder, 'nginx.conf'),
      `${nginxFrame()}
http {
${nginxCommon(folder)}
  upstream api {
    server 127.0.0.1:${upstreamPort};
    keepalive 320;
    keepalive_requests 1000000000;
    keepalive_timeout 60s;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://api;
      proxy_http_version 1.1;
      proxy_request_buffering off;
      proxy_max_temp_file_size 0;
      client_max_body_size 16m;
      proxy_set_header Host 127.0.0.1:${upstreamPort};
      proxy_set_header Connection "";
      proxy_set_header Authorization "${token}";
    }
  }
}
`,
    );
    const started = processes.start(program, ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'stderr'], { cpu });
    await started.accepts(port);
    return { port, pids: [started.pid], version: versionOf(program, '-v'), stop: () => started.stop() };
  },
};
