import { TOKEN_REQUEST_MS } from '../deadlines.ts';
import { TokenwardError } from '../errors.ts';
import { TokenCallError, type SendTokenCall, type TokenResponse, type TokenRequest } from '../flows/run.ts';
import type { RequestBody } from '../http/message.ts';
import { decompress } from '../http/coding.ts';
import { decodeText } from './token-response.ts';
import { destinationOf, type Destination } from '../http/client/dial.ts';
import { ConnectionPool } from '../http/client/pool.ts';
import { reasonOf as whyNot } from '../http/client/reason.ts';
import { UpstreamResponse } from '../http/client/response.ts';

/** Limits within `TOKEN_CALL_MS`. ms. */
const TIMEOUTS = { connect: 3_000, firstByte: TOKEN_REQUEST_MS, idle: TOKEN_REQUEST_MS };
/** Limit of a token response, compressed and decompressed. Bytes. */
const MAX_RESPONSE_BYTES = 1024 * 1024;

/**
 * Sends one request to a token endpoint: on a connection of its own (an idle one may be closing, and this request must
 * not be lost half-way), no retry, no redirect, the response read to its end even if no request waits for it any more.
 */
export function tokenCallSender(tls: Destination['tls'], viaFor: (origin: string) => string): SendTokenCall {
  return async (request: TokenRequest, ms = TOKEN_REQUEST_MS): Promise<TokenResponse> => {
    const { origin, host, pathname, search } = new URL(request.url);
    const destination = destinationOf(origin, tls, viaFor(origin));
    const pool = new ConnectionPool(destination, { maxConnections: 1, timeouts: TIMEOUTS });
    let exchange!: UpstreamResponse;
    const deadline = { passed: false };
    let lastRead: NodeJS.Immediate | undefined;
    // Node runs timers before it reads: a response that arrived while this process was blocked is read first. It may
    // hold the only valid refresh token.
    const timer = setTimeout(
      () => {
        lastRead = setImmediate(() => {
          deadline.passed = true;
          exchange.cancel();
        });
      },
      Math.max(1, ms),
    );
    try {
      const response = await new Promise<UpstreamResponse>((resolve, reject) => {
        exchange = new UpstreamResponse(resolve, reject);
        const fields = Object.entries({ 'accept-encoding': 'identity', ...request.headers });
        const headers = ['host', host, ...fields.flat()];
        pool.run({ method: request.method, target: pathname + search, headers, body: bodyOf(request.body) }, exchange);
      });
      const bytes = await read(response);
      const headers: Record<string, string | undefined> = {};
      const setCookie: string[] = [];
      for (let i = 0; i < response.headers.length; i += 2) {
        const name = response.headers[i]!.toLowerCase();
        headers[name] ??= response.headers[i + 1]!;
        if (name === 'set-cookie') setCookie.push(response.headers[i + 1]!);
      }
      // A body that cannot be decompressed is not JSON, or was decompressed on its way and kept its Content-Encoding.
      return {
        status: response.status,
        headers,
        setCookie,
        body: decodeText(decompress(bytes, headers['content-encoding'], MAX_RESPONSE_BYTES) ?? bytes),
      };
    } catch (error) {
      const place = `${destination.host}:${destination.port}`;
      const { sent } = exchange;
      if (error instanceof RangeError)
        throw new TokenCallError(
          'too_large',
          true,
          `${place}: a response of more than ${MAX_RESPONSE_BYTES / 1024 ** 2} MiB`,
        );
      const reason = deadline.passed ? 'timeout' : reasonOf(error);
      throw new TokenCallError(reason, sent, detailOf(place, deadline.passed, ms, error));
    } finally {
      clearTimeout(timer);
      clearImmediate(lastRead);
      pool.close();
    }
  };
}

function bodyOf(text: string | undefined): RequestBody {
  if (text === undefined) return { kind: 'none' };
  const bytes = Buffer.from(text);
  return { kind: 'buffered', chunks: [bytes], length: bytes.length, release: () => undefined };
}

/** Reads the body. Rejects with a RangeError if it is too large. */
function read(response: UpstreamResponse): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    response.pipe({
      write(chunk) {
        size += chunk.length;
        if (size > MAX_RESPONSE_BYTES) {
          reject(new RangeError('too large'));
          response.cancel();
          return true;
        }
        chunks.push(chunk);
        return true;
      },
      end: () => resolve(Buffer.concat(chunks)),
      fail: () => reject(new Error('cut')),
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

/** For people: place and error. Nothing from the response. */
function detailOf(place: string, timedOut: boolean, ms: number, error: unknown): string {
  if (timedOut) return `${place}: no complete response within ${Math.ceil(ms / 1000)} s`;
  const reason =
    error instanceof TokenwardError
      ? whyNot(error, TIMEOUTS, 'account')
      : 'it closed the connection before the end of its response';
  return `${place}: ${reason}`;
}
