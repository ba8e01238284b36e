import type { StatusDocument } from '../operator/status-document.ts';
import type { OperatorAddress } from './operator-options.ts';

/** The operator port did not respond, or responded with an error; the message is for the operator. */
export class OperatorError extends Error {
  /** The error code of the response. */
  readonly code: string | undefined;

  constructor(message: string, code?: string) {
    super(message);
    this.code = code;
  }
}

/** The error for a URL at which the proxy port responds: every error of its own carries this header field. */
function theProxyPort(url: string): OperatorError {
  return new OperatorError(
    `${new URL(url).host} is tokenward's proxy port. The operator port is another, 9090 unless operator.port says ` +
      'otherwise: name it with --operator HOST:PORT.',
  );
}

/** The error for a URL at which something else responds. */
export function notTheOperatorPort(url: string): OperatorError {
  return new OperatorError(
    `What answers at ${new URL(url).origin} is not tokenward's operator port. Name that with --operator HOST:PORT.`,
  );
}

/** The state of a running tokenward. Throws an OperatorError. */
export async function fetchStatus({ url, key }: OperatorAddress): Promise<StatusDocument> {
  const status = (await callOperator(`${url}/status`, 'GET', key)) as Partial<StatusDocument>;
  if (!Array.isArray(status.accounts) || typeof status.now !== 'number' || status.store === undefined)
    throw notTheOperatorPort(url);
  return status as StatusDocument;
}

/** Longest Retry-After of a renewal by hand that a command waits for. s. */
const MAX_WAIT_S = 10;

/**
 * Sends a request to the operator port. `key`: the operator's. A renewal that came too soon after the last one is
 * repeated once.
 */
export async function callOperator(
  url: string,
  method: string,
  key: string | undefined,
  mayRepeat = true,
): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(url, { method, ...(key !== undefined && { headers: { 'x-tokenward-key': key } }) });
  } catch {
    throw new OperatorError(
      `Nothing answers at ${new URL(url).origin}. Is tokenward running? ` +
        'Name its operator port with --operator HOST:PORT.',
    );
  }
  if (response.headers.has('x-tokenward-error')) throw theProxyPort(url);
  const body = (await response.json().catch(() => ({}))) as { code?: string; title?: string; detail?: string };
  const wait = Number(response.headers.get('retry-after'));
  if (mayRepeat && body.code === 'renewed_just_now' && wait > 0 && wait <= MAX_WAIT_S) {
    await new Promise((resolve) => setTimeout(resolve, wait * 1000));
    return callOperator(url, method, key, false);
  }
  if (!response.ok) throw new OperatorError(messageOf(body, response.status), body.code);
  return body;
}

/** For an unknown account title and detail together; for other errors the detail alone. */
function messageOf(
  { code, title, detail }: { code?: string; title?: string; detail?: string },
  status: number,
): string {
  const what =
    code === 'account_unknown' && title !== undefined && detail !== undefined
      ? `${title} ${detail}`
      : (detail ?? title ?? `status ${status}`);
  return `${what}${code === undefined ? '' : ` (${code})`}`;
}
