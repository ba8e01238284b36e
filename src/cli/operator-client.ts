/** The operator port did not answer, or said no; the message is for the operator. */
export class OperatorError extends Error {
  /** The error code of an answer that said no. */
  readonly code: string | undefined;

  constructor(message: string, code?: string) {
    super(message);
    this.code = code;
  }
}

/** Something else answers at this URL. */
export function notTheOperatorPort(url: string): OperatorError {
  return new OperatorError(
    `What answers at ${new URL(url).origin} is not tokenward's operator port. Name that with --operator URL.`,
  );
}

/** How long a command waits until an account may be renewed by hand once more. s. */
const MAX_WAIT_S = 10;

/** `key`: the operator's. An account renewed a moment ago is asked for again once it may be. */
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
      `Nothing answers at ${new URL(url).origin}. Is tokenward running? Name its operator port with --operator URL.`,
    );
  }
  const body = (await response.json().catch(() => ({}))) as { code?: string; title?: string; detail?: string };
  const wait = Number(response.headers.get('retry-after'));
  if (mayRepeat && body.code === 'renewed_just_now' && wait > 0 && wait <= MAX_WAIT_S) {
    await new Promise((resolve) => setTimeout(resolve, wait * 1000));
    return callOperator(url, method, key, false);
  }
  if (!response.ok) throw new OperatorError(messageOf(body, response.status), body.code);
  return body;
}

/** The operator port's own refusals say in `detail` what may be meant; of all others it is the whole story. */
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
