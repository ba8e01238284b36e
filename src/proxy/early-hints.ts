import type { RequestContext } from './context.ts';
import { responseHeaders } from './headers.ts';
import type { Route } from './route.ts';

/**
 * Passes on the fields of a 103 Early Hints, filtered like those of a response, on a route that says so. Not to
 * HTTP/1.0, which has no interim responses, and not once the final response has begun.
 */
export function passEarlyHints(
  { request, response, attachment, target }: RequestContext,
  route: Route,
  fields: string[],
  ownOrigin: string,
): void {
  if (request.httpVersion !== '1.1' || response.headersSent || response.destroyed) return;
  const headers = responseHeaders(fields, route, attachment, ownOrigin, target);
  let text = 'HTTP/1.1 103 Early Hints\r\n';
  for (let i = 0; i < headers.length; i += 2) {
    // RFC 8297 §2: they are those of the response to come; the framing is not.
    if (!/^content[-_]length$/i.test(headers[i]!)) text += `${headers[i]!}: ${headers[i + 1]!}\r\n`;
  }
  response.socket?.write(`${text}\r\n`, 'latin1');
}
