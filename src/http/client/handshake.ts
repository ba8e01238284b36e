import { createHash } from 'node:crypto';

/** RFC 6455 §1.3. */
const ACCEPT_SUFFIX = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** Whether a protocol is WebSocket (RFC 6455). */
export function isWebSocket(protocol: string): boolean {
  return /^websocket$/i.test(protocol);
}

/**
 * What is wrong with a 101: an upstream that has not agreed to this protocol, in answer to this request, reads what
 * follows as something else. `request` and `response`: names and values in turn. Undefined: it has agreed.
 */
export function disagreementOf(
  protocol: string,
  request: readonly string[],
  response: readonly string[],
): string | undefined {
  const upgrade = fieldsOf(response, 'upgrade');
  if (upgrade.length !== 1 || upgrade[0]!.toLowerCase() !== protocol.toLowerCase())
    return 'a switch to another protocol than the one asked for';
  if (!fieldsOf(response, 'connection').some((value) => /(?:^|,)[ \t]*upgrade[ \t]*(?:,|$)/i.test(value)))
    return 'a protocol switch without Connection: upgrade';
  if (!isWebSocket(protocol)) return undefined;
  const [key = ''] = fieldsOf(request, 'sec-websocket-key');
  const accept = createHash('sha1').update(`${key}${ACCEPT_SUFFIX}`).digest('base64');
  const accepted = fieldsOf(response, 'sec-websocket-accept');
  return accepted.length === 1 && accepted[0] === accept
    ? undefined
    : 'a Sec-WebSocket-Accept that does not belong to this handshake';
}

function fieldsOf(headers: readonly string[], name: string): string[] {
  return headers.filter((_, i) => i % 2 === 1 && headers[i - 1]!.toLowerCase() === name);
}
