import { TokenwardError } from '../errors.ts';
import { TokenCallError, type SendTokenCall, type TokenReply, type TokenRequest } from '../flows/run.ts';
import type { RequestBody } from './body.ts';
import { destinationOf, type Destination } from './upstream/dial.ts';
import { ConnectionPool } from './upstream/pool.ts';
import { UpstreamReply } from './upstream/reply.ts';

const CONNECT_TIMEOUT = 3_000;
const TOTAL_TIMEOUT = 15_000;
/** No honest token answer is larger. Bytes. */
const ANSWER_MOST = 1024 * 1024;

/**
 * Sends one call to a token endpoint: on a connection of its own (an idle one may be closing, and this request must not
 * be lost half-way), no retry, no redirect, the answer read to its end whoever still waits for it.
 */
export function tokenCallSender(tls: Destination['tls'], viaFor: (origin: string) => string): SendTokenCall {
  return async (request: TokenRequest): Promise<TokenReply> => {
    const { origin, host, pathname, search } = new URL(request.url);
    const pool = new ConnectionPool(destinationOf(origin, tls, viaFor(origin)), { maxConnections: 1, timeouts: { connect: CONNECT_TIMEOUT, firstByte: TOTAL_TIMEOUT, idle: TOTAL_TIMEOUT } });
    let exchange!: UpstreamReply;
    const clock = { late: false };
    const timer = setTimeout(() => {
      clock.late = true;
      exchange.cancel();
    }, TOTAL_TIMEOUT);
    try {
      const reply = await new Promise<UpstreamReply>((resolve, reject) => {
        exchange = new UpstreamReply(resolve, reject);
        const headers = ['host', host, ...Object.entries(request.headers).flat(), 'accept-encoding', 'identity'];
        pool.run({ method: request.method, target: pathname + search, headers, body: bodyOf(request.body) }, exchange);
      });
      const body = await read(reply);
      const headers: Record<string, string | undefined> = {};
      for (let i = 0; i < reply.headers.length; i += 2) headers[reply.headers[i]!.toLowerCase()] ??= reply.headers[i + 1]!;
      return { status: reply.status, headers, body };
    } catch (error) {
      if (error instanceof TokenCallError) throw error;
      throw new TokenCallError(clock.late ? 'timeout' : reasonOf(error), exchange.sent);
    } finally {
      clearTimeout(timer);
      pool.close();
    }
  };
}

function bodyOf(text: string | undefined): RequestBody {
  if (text === undefined) return { kind: 'none' };
  const bytes = Buffer.from(text);
  return { kind: 'kept', chunks: [bytes], length: bytes.length, release: () => undefined };
}

function read(reply: UpstreamReply): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    reply.pipe({
      write(chunk) {
        size += chunk.length;
        if (size > ANSWER_MOST) {
          reject(new TokenCallError('too_large', true));
          reply.cancel();
          return true;
        }
        chunks.push(chunk);
        return true;
      },
      end: () => resolve(Buffer.concat(chunks).toString('utf8')),
      fail: () => reject(new TokenwardError('upstream_broken')),
    });
  });
}

function reasonOf(error: unknown): TokenCallError['reason'] {
  if (!(error instanceof TokenwardError)) return 'reset';
  if (error.code === 'upstream_timeout') return 'timeout';
  if (error.code !== 'upstream_unreachable') return 'reset';
  if (error.detail?.startsWith('TLS') === true) return 'tls';
  return error.detail === 'ENOTFOUND' || error.detail === 'EAI_AGAIN' ? 'dns' : 'connect';
}
