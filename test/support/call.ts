import { Agent, request, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http';
import { request as requestTls } from 'node:https';
import type { ConnectionOptions } from 'node:tls';

/** Enough connections for a storm, and kept open like a legacy app's. */
const agent = new Agent({ keepAlive: true, maxSockets: Infinity });

export interface CallOptions {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Buffer;
  readonly signal?: AbortSignal;
  /** The address to call from, such as 127.0.0.2; on a connection of its own. */
  readonly from?: string;
  /** For a base of https: whom to trust, and what to show. On a connection of its own. */
  readonly tls?: Pick<ConnectionOptions, 'ca' | 'cert' | 'key' | 'maxVersion' | 'minVersion' | 'session' | 'ciphers'>;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  readonly text: string;
  json(): unknown;
}

/** Host and port of http://host:port, or the socket of unix:/path, as node:http wants them. */
export function placeOf(base: string): { host: string; port: string } | { socketPath: string } {
  const { protocol, pathname, hostname, port } = new URL(base);
  return protocol === 'unix:' ? { socketPath: pathname } : { host: hostname, port };
}

/**
 * One HTTP call whose target goes out byte for byte (fetch would tidy it up). `base`: http://host:port, or unix:/path
 * of a socket. Rejects if the connection is cut before the end.
 */
export function call(base: string, target: string, options: CallOptions = {}): Promise<Answer> {
  const { protocol } = new URL(base);
  const alone = protocol === 'https:' || options.from !== undefined;
  return new Promise((resolve, reject) => {
    const outgoing = (protocol === 'https:' ? requestTls : request)(
      {
        ...options.tls,
        ...(options.from !== undefined && { localAddress: options.from }),
        agent: alone ? false : agent,
        ...placeOf(base),
        path: target,
        method: options.method ?? 'GET',
        headers: {
          ...options.headers,
          ...(options.body !== undefined && { 'content-length': Buffer.byteLength(options.body) }),
        },
        ...(options.signal && { signal: options.signal }),
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', reject);
        incoming.on('end', () => {
          if (!incoming.complete) {
            reject(new Error('the answer was cut'));
            return;
          }
          const body = Buffer.concat(chunks);
          const text = body.toString('utf8');
          resolve({
            status: incoming.statusCode ?? 0,
            headers: incoming.headers,
            rawHeaders: incoming.rawHeaders,
            body,
            text,
            json: () => JSON.parse(text) as unknown,
          });
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(options.body);
  });
}

/**
 * The value of one metric sample, 0 if it is not there: `metric(url, 'tokenward_replays_total', { outcome: 'recovered'
 * })` sums over the other labels.
 */
export async function metric(
  operatorUrl: string,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<number> {
  const { text } = await call(operatorUrl, '/metrics');
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) => Object.entries(labels).every(([label, value]) => line.includes(`${label}="${value}"`)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}
