import { request } from 'node:http';
import { callerHeaders } from './load.ts';
import type { Contender } from './measure.ts';
import { BenchError } from './processes.ts';

const MIB = 1024 * 1024;

interface Answer {
  readonly status: number;
  readonly body: string;
}

function call(
  port: number,
  path: string,
  method: string,
  headers: Record<string, string>,
  body?: string,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host: '127.0.0.1',
        port,
        path,
        method,
        headers: { ...headers, ...(body !== undefined && { 'Content-Length': String(body.length) }) },
        agent: false,
        timeout: 5_000,
      },
      (reply) => {
        let text = '';
        reply
          .setEncoding('utf8')
          .on('data', (part: string) => (text += part))
          .on('end', () => resolve({ status: reply.statusCode ?? 0, body: text }));
      },
    );
    sent.on('timeout', () => sent.destroy(new Error('no answer within 5 s')));
    sent.on('error', reject);
    sent.end(body);
  });
}

/** The upstream must refuse what carries no token: otherwise the next check proves nothing. */
export async function verifyUpstream(port: number, callerKey: string): Promise<void> {
  for (const path of ['/crm/verify', '/crm/v1/chats/42']) {
    const { status } = await call(port, path, 'GET', callerHeaders(callerKey));
    if (status !== 401)
      throw new BenchError(`the upstream answers a request without the token with ${status}, not 401`);
  }
}

/** Both loads must reach the upstream through this contender: with the token, the method and the whole body. */
export async function verifyContender({ peer, running }: Contender, callerKey: string): Promise<void> {
  for (const [method, body] of [
    ['GET', undefined],
    ['POST', 'x'.repeat(1024)],
  ] as const) {
    const { status, body: text } = await call(running.port, '/crm/verify', method, callerHeaders(callerKey), body);
    if (status !== 200)
      throw new BenchError(
        `${peer.name}: a ${method} is answered with ${status}, so the token has not arrived: ${text.slice(0, 300)}`,
      );
    const seen = JSON.parse(text) as { method: string; length: string; coding: string };
    const whole = body === undefined || seen.length === '1024' || seen.coding === 'chunked';
    if (seen.method !== method || !whole)
      throw new BenchError(`${peer.name}: a ${method} has reached the upstream as ${text}`);
  }
  const file = await call(running.port, '/crm/files/1m', 'GET', callerHeaders(callerKey));
  if (file.status !== 200 || file.body.length !== MIB)
    throw new BenchError(
      `${peer.name}: a download of 1 MiB is answered with ${file.status} and ${file.body.length} bytes`,
    );
  const upload = await call(running.port, '/crm/files', 'POST', callerHeaders(callerKey), 'x'.repeat(MIB));
  if (upload.status !== 200 || !upload.body.includes(`"length":"${MIB}"`))
    throw new BenchError(
      `${peer.name}: an upload of 1 MiB is answered with ${upload.status}: ${upload.body.slice(0, 300)}`,
    );
  await running.verify?.();
}
