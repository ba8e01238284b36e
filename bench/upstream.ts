import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { find, versionOf } from './machine.ts';
import { BenchError, freePort, type Processes } from './processes.ts';

/** What a small API answers. */
const GET_BODY = JSON.stringify({ success: true, data: { id: 42, name: 'Ada Lovelace', phone: '+44 20 7946 0958', tags: ['customer', 'vip'], unread: 3, closed: false, updatedAt: 1_790_000_000 } });
const POST_BODY = JSON.stringify({ success: true, data: { id: 4711, status: 'queued' } });
/** The reply by which ChatApp says, on any status, that the token is dead. */
const DEAD_BODY = JSON.stringify({ success: false, error: { code: 'ApiInvalidTokenError', message: 'token' } });

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
      if (connections === undefined || requests === undefined) throw new BenchError('the upstream does not say what it has counted');
      return { connections, requests };
    },
  };
}

async function startNode({ processes, cpu, token }: UpstreamSetup, port: number): Promise<string> {
  const script = join(import.meta.dirname, 'upstream/node.mjs');
  const started = processes.start(process.execPath, [script], { cpu, env: { PORT: String(port), TOKEN: token, GET_BODY, POST_BODY, DEAD_BODY } });
  await started.accepts(port);
  return `Node ${process.version} (nginx is not installed; a slower upstream takes time from the load, not from the contenders)`;
}

async function startNginx(nginx: string, { processes, folder, cpu, token }: UpstreamSetup, port: number): Promise<string> {
  const place = join(folder, 'upstream');
  mkdirSync(place);
  const json = (body: string): string => `return 200 '${body}';`;
  writeFileSync(join(place, 'nginx.conf'), `${nginxFrame()}
http {
${nginxCommon(place)}
  default_type application/json;
  map $request_method $reply { default '${GET_BODY}'; POST '${POST_BODY}'; }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location = /status { stub_status; }
    location / {
      if ($http_authorization != '${token}') { return 401 '{"success":false}'; }
      return 200 $reply;
    }
    location = /crm/verify {
      if ($http_authorization != '${token}') { return 401 '{"success":false}'; }
      ${json('{"method":"$request_method","length":"$content_length","coding":"$http_transfer_encoding"}')}
    }
    location = /crm/dead {
      if ($http_authorization != '${token}') { return 401 '{"success":false}'; }
      ${json(DEAD_BODY)}
    }
  }
}
`);
  await processes.start(nginx, ['-p', place, '-c', join(place, 'nginx.conf'), '-e', 'stderr'], { cpu }).accepts(port);
  return `nginx ${versionOf(nginx, '-v')}`;
}

/** What every nginx of this benchmark begins with. */
export function nginxFrame(): string {
  return `daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr error;
events { worker_connections 1024; }`;
}

export function nginxCommon(place: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `  ${name}_temp_path ${place}/${name};`);
  return `${temporary.join('\n')}
  access_log off;
  keepalive_timeout 600s;
  keepalive_requests 1000000000;
  client_body_buffer_size 128k;`;
}
