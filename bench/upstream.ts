import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { find, versionOf } from './machine.ts';
import { BenchError, freePort, type Processes } from './processes.ts';

/** What a small API answers. */
const GET_BODY = JSON.stringify({
  success: true,
  data: {
    id: 42,
    name: 'Ada Lovelace',
    phone: '+44 20 7946 0958',
    tags: ['customer', 'vip'],
    unread: 3,
    closed: false,
    updatedAt: 1_790_000_000,
  },
});
const POST_BODY = JSON.stringify({ success: true, data: { id: 4711, status: 'queued' } });
/** The reply by which ChatApp says, on any status, that the token is dead. */
const DEAD_BODY = JSON.stringify({ success: false, error: { code: 'ApiInvalidTokenError', message: 'token' } });

const FILE_BYTES = 1024 * 1024;

export interface Upstream {
  readonly about: string;
  readonly port: number;
  /** Connections accepted and requests answered since its start. */
  counts(): Promise<{ connections: number; requests: number }>;
}

export interface UpstreamSetup {
  readonly processes: Processes;
  readonly folder: string;
  readonly cpu: number | undefined;
  readonly token: string;
}

/** The API behind the contenders. It answers 401 to every request without the token. */
export async function startUpstream(setup: UpstreamSetup): Promise<Upstream> {
  const port = await freePort();
  const nginx = find('nginx');
  const about = nginx === undefined ? await startNode(setup, port) : await startNginx(nginx, setup, port);
  return {
    about,
    port,
    async counts() {
      const text = await (await fetch(`http://127.0.0.1:${port}/status`)).text();
      const [connections, , requests] = /(\d+) (\d+) (\d+)/.exec(text)?.slice(1).map(Number) ?? [];
      if (connections === undefined || requests === undefined)
        throw new BenchError('the upstream does not say what it has counted');
      return { connections, requests };
    },
  };
}

async function startNode({ processes, cpu, token }: UpstreamSetup, port: number): Promise<string> {
  const script = join(import.meta.dirname, 'upstream/node.mjs');
  const started = processes.start(process.execPath, [script], {
    cpu,
    env: { PORT: String(port), TOKEN: token, GET_BODY, POST_BODY, DEAD_BODY, FILE_BYTES: String(FILE_BYTES) },
  });
  await started.accepts(port);
  return `Node ${process.version} (nginx is not installed; a slower upstream takes time from the load, not from the contenders)`;
}

async function startNginx(
  nginx: string,
  { processes, folder, cpu, token }: UpstreamSetup,
  port: number,
): Promise<string> {
  const place = join(folder, 'upstream');
  mkdirSync(place);
  mkdirSync(join(place, 'crm/files'), { recursive: true });
  writeFileSync(join(place, 'crm/files/1m'), Buffer.alloc(FILE_BYTES, 'x'));
  const json = (body: string): string => `return 200 '${body}';`;
  const onlyWithToken = `if ($http_authorization != '${token}') { return 401 '{"success":false}'; }`;
  writeFileSync(
    join(place, 'nginx.conf'),
    `${nginxFrame()}
http {
${nginxCommon(place)}
  default_type application/json;
  map $request_method $reply { default '${GET_BODY}'; POST '${POST_BODY}'; }
  upstream itself { server unix:${place}/itself.sock; keepalive 64; keepalive_requests 1000000000; }
  server {
    listen unix:${place}/itself.sock;
    location / { ${json('{"method":"$request_method","length":"$http_x_length"}')} }
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location = /status { stub_status; }
    # "return" answers before it has read a body. So a large one is first read to its end, into memory, and then answered by another server.
    location = /crm/files {
      ${onlyWithToken}
      client_max_body_size 16m;
      client_body_buffer_size 2m;
      proxy_pass http://itself;
      proxy_http_version 1.1;
      proxy_pass_request_body off;
      proxy_set_header Connection "";
      proxy_set_header Content-Length "";
      proxy_set_header X-Length $content_length;
    }
    location = /crm/files/1m {
      ${onlyWithToken}
      root ${place};
      sendfile on;
    }
    location / {
      ${onlyWithToken}
      return 200 $reply;
    }
    location = /crm/verify {
      ${onlyWithToken}
      ${json('{"method":"$request_method","length":"$content_length","coding":"$http_transfer_encoding"}')}
    }
    location = /crm/dead {
      ${onlyWithToken}
      ${json(DEAD_BODY)}
    }
  }
}
`,
  );
  await processes.start(nginx, ['-p', place, '-c', join(place, 'nginx.conf'), '-e', 'stderr'], { cpu }).accepts(port);
  return `nginx ${versionOf(nginx, '-v')}`;
}

/** What every nginx of this benchmark begins with. */
export function nginxFrame(): string {
  return `daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr error;
worker_rlimit_nofile 16384;
events { worker_connections 8192; }`;
}

export function nginxCommon(place: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `  ${name}_temp_path ${place}/${name};`,
  );
  return `${temporary.join('\n')}
  access_log off;
  keepalive_timeout 600s;
  keepalive_requests 1000000000;
  client_body_buffer_size 128k;`;
}
