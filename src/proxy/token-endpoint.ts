import { Client } from 'undici';
import { TokenCallError, type SendTokenCall, type TokenReply, type TokenRequest } from '../flows/run.ts';

const CONNECT_TIMEOUT = 3_000;
const TOTAL_TIMEOUT = 15_000;
/** No honest token answer is larger. Bytes. */
const ANSWER_MOST = 1024 * 1024;

/**
 * Sends one call to a token endpoint: on a connection of its own (an idle one may be closing, and this request must not
 * be lost half-way), no retry, no redirect, the answer read to its end whoever still waits for it.
 */
export const sendTokenCall: SendTokenCall = async (request: TokenRequest): Promise<TokenReply> => {
  const url = new URL(request.url);
  const client = new Client(url.origin, { connect: { timeout: CONNECT_TIMEOUT }, pipelining: 0, headersTimeout: TOTAL_TIMEOUT, bodyTimeout: TOTAL_TIMEOUT, maxResponseSize: ANSWER_MOST });
  let connected = false;
  client.on('connect', () => {
    connected = true;
  });
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), TOTAL_TIMEOUT);
  try {
    const { statusCode, headers, body } = await client.request({
      method: request.method as 'POST',
      path: url.pathname + url.search,
      headers: { ...request.headers, connection: 'close', 'accept-encoding': 'identity' },
      body: request.body ?? null,
      signal: abort.signal,
    });
    const text = await body.text();
    const flat: Record<string, string | undefined> = {};
    for (const [name, value] of Object.entries(headers)) flat[name] = Array.isArray(value) ? value.join(', ') : value;
    return { status: statusCode, headers: flat, body: text };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    throw new TokenCallError(reasonOf(code, abort.signal.aborted), connected);
  } finally {
    clearTimeout(timer);
    // Not close(): that would wait for a body nobody reads any more.
    await client.destroy().catch(() => undefined);
  }
};

function reasonOf(code: string, timedOut: boolean): TokenCallError['reason'] {
  if (timedOut || /TIMEOUT|ETIMEDOUT/.test(code)) return 'timeout';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'dns';
  if (code === 'ECONNREFUSED' || code === 'EHOSTUNREACH' || code === 'ENETUNREACH') return 'connect';
  if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE') return 'too_large';
  if (/CERT|SSL|TLS|UNABLE_TO|SELF_SIGNED|ALTNAME/.test(code)) return 'tls';
  return 'reset';
}
