/** What a response's fields say of its length and its connection. */
interface Framing {
  /** Content-Length: digits. */
  readonly length: string | undefined;
  /** Transfer-Encoding: chunked, in any case. */
  readonly coding: string | undefined;
  /** The values of Connection, with a comma behind each. */
  readonly connection: string;
  /** Keep-Alive's timeout, in seconds; NaN if the field has none. */
  readonly idleHint: number | undefined;
}

/** Reads them, for a response of HTTP/1.`minor`. A text says why the response cannot be trusted. */
export function framingOf(headers: readonly string[], minor: string): Framing | string {
  let length: string | undefined;
  let coding: string | undefined;
  let connection = '';
  let idleHint: number | undefined;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!;
    const value = headers[i + 1]!;
    switch (name.length) {
      case 10:
        if (/^connection$/i.test(name)) connection += `${value},`;
        else if (/^keep-alive$/i.test(name)) idleHint = Number(/timeout=(\d{1,6})/i.exec(value)?.[1] ?? NaN);
        break;
      case 14:
        if (!/^content-length$/i.test(name)) break;
        if (length !== undefined) return 'more than one Content-Length';
        length = value;
        break;
      case 17:
        if (!/^transfer-encoding$/i.test(name)) break;
        if (coding !== undefined) return 'more than one Transfer-Encoding';
        coding = value;
        break;
      default:
    }
  }
  if (length !== undefined && !/^\d{1,15}$/.test(length)) return 'a malformed Content-Length';
  if (coding !== undefined) {
    if (coding.toLowerCase() !== 'chunked') return 'a transfer coding other than chunked';
    if (length !== undefined) return 'both Transfer-Encoding and Content-Length';
    if (minor === '0') return 'Transfer-Encoding in HTTP/1.0';
  }
  return { length, coding, connection, idleHint };
}
