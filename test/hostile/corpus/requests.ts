/** A request's text: request line, `Host`, more fields, body. */
export function request(line: string, fields: readonly string[] = [], body = ''): string {
  return `${line} HTTP/1.1\r\nHost: proxy\r\n${fields.map((field) => `${field}\r\n`).join('')}\r\n${body}`;
}

/** A whole request that an item hides in a place where no request may be. */
export const SMUGGLED = 'GET /api/smuggled HTTP/1.1\r\nHost: proxy\r\n\r\n';

/** The caller's own credentials: wherever they turn up upstream, something is wrong. */
export const CANARY = 'callers-own-secret';
