import { allowInsecureRequests, customFetch } from 'oauth4webapi';
import { TokenCallError, type SendTokenCall, type TokenResponse } from '../run.ts';
import { ReadResponse } from '../response.ts';
import { failed, type FailedOutcome } from './outcome.ts';

/** What oauth4webapi hands to its `customFetch`. */
interface Sent {
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body: URLSearchParams | undefined;
}

/** What each of its requests is given, so that it goes out by our sender. */
export interface RequestOptions {
  readonly [customFetch]: (url: string, sent: Sent) => Promise<Response>;
  readonly [allowInsecureRequests]: boolean;
  readonly headers: Record<string, string>;
}

/** A response and where it came from; or that there was none. */
export type Answer =
  | { readonly response: ReadResponse; readonly url: URL }
  | { readonly response?: undefined; readonly failure: FailedOutcome };

/**
 * Lets oauth4webapi build one request and sends it by `send`: once, without a redirect, with the product's TLS, egress
 * proxy and deadlines. Rejects if the request cannot be built; nothing was sent then.
 */
export async function exchange(
  send: SendTokenCall,
  insecure: boolean,
  build: (options: RequestOptions) => Promise<unknown>,
): Promise<Answer> {
  let answer: Answer | undefined;
  await build({
    [allowInsecureRequests]: insecure,
    // Otherwise the library's own name and version.
    headers: { 'user-agent': 'tokenward' },
    [customFetch]: async (address, { method, headers, body }) => {
      const url = new URL(address);
      // The library adds a charset, which this type does not have and some servers refuse.
      if (body !== undefined) headers['content-type'] = 'application/x-www-form-urlencoded';
      answer = await sendOnce(send, url, { method, url: url.href, headers, body: body?.toString() });
      // A Response cannot hold every status and field that servers send, and the library needs none of them here.
      return new Response(null);
    },
  });
  return answer!;
}

async function sendOnce(send: SendTokenCall, url: URL, request: Parameters<SendTokenCall>[0]): Promise<Answer> {
  let raw: TokenResponse;
  try {
    raw = await send(request);
  } catch (error) {
    return {
      failure:
        error instanceof TokenCallError
          ? failed(error.reason, error.maybeSent ? 'unanswered' : 'unsent', error.maybeSent, error.detail)
          : failed('fault', 'unanswered', true, undefined),
    };
  }
  return { response: new ReadResponse(raw), url };
}
