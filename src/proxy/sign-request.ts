import { TokenwardError, type ErrorCode } from '../errors.ts';
import { targetWith } from '../flows/sign/parts.ts';
import { UnsignableRequestError, type Signature } from '../flows/sign/request-to-sign.ts';
import type { Signing } from '../flows/signing.ts';
import { UnfillableError } from '../flows/template.ts';
import type { UpstreamRequest } from '../http/client/request.ts';
import type { RequestBody } from '../http/message.ts';

/** The request with its signatures, none of which covers another. Rejects with a TokenwardError. */
export async function signRequest(
  request: UpstreamRequest,
  origin: string,
  signing: Signing,
): Promise<{ readonly request: UpstreamRequest; readonly signatures: readonly Signature[] }> {
  let { target, headers } = request;
  try {
    const { method } = request;
    const signatures = await signing.sign({
      method,
      origin,
      target,
      headers,
      body: contentOf(request.body),
      now: Date.now(),
    });
    for (const signature of signatures) {
      target = targetWith(target, signature.query);
      headers = withFields(headers, signature.headers);
    }
    return { request: { ...request, target, headers }, signatures };
  } catch (error) {
    if (!(error instanceof UnfillableError)) throw error;
    throw new TokenwardError(codeOf(error), { detail: `the request cannot be signed: ${error.message}` });
  }
}

/** Whose fault it is: the request's, or the account's. */
function codeOf(error: UnfillableError): ErrorCode {
  if (!(error instanceof UnsignableRequestError)) return 'token_unavailable';
  return error.isStreamed ? 'body_too_large' : 'request_not_signable';
}

/** Undefined: it is streamed. */
function contentOf(body: RequestBody): Buffer | undefined {
  if (body.kind === 'none') return Buffer.alloc(0);
  return body.kind === 'buffered' ? Buffer.concat(body.chunks) : undefined;
}

function withFields(headers: readonly string[], added: readonly string[]): string[] {
  const names = new Set(added.filter((_, index) => index % 2 === 0));
  const kept = headers.flatMap((name, index) =>
    index % 2 === 0 && !names.has(name.toLowerCase()) ? [name, headers[index + 1]!] : [],
  );
  return [...kept, ...added];
}
