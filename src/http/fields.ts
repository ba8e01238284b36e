/**
 * What a byte may be in a field: of its name (RFC 9110 §5.6.2), of its value (§5.5, and as there the upper half of
 * Latin-1), neither.
 */
const IN_NAME = 1;
const IN_VALUE = 2;
const TAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 32;
const COLON = 58;
const BYTE_CLASS = new Uint8Array(256).map((_, byte) => {
  if (/[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(String.fromCharCode(byte))) return IN_NAME | IN_VALUE;
  return byte === TAB || (byte >= SPACE && byte !== 0x7f) ? IN_VALUE : 0;
});

/** Why a head cannot be used. */
type Malformed =
  | 'a malformed header field'
  | 'a control byte in the head, or a line that does not end in CR LF'
  | 'too many header fields';

/**
 * The fields of a message's head (RFC 9112 §5), from `at` to `end`, which is behind the last one's line: names and
 * values in turn, or why not. `text` is made of `bytes`, letter by byte. One walk over the bytes, each looked up once.
 * No folding, no space before the colon, no nameless field, no control byte, no line end but CR LF.
 */
export function parseFields(
  text: string,
  bytes: Buffer,
  at: number,
  end: number,
  maxFields: number,
): string[] | Malformed {
  const headers: string[] = [];
  while (at < end) {
    const nameStart = at;
    while (BYTE_CLASS[bytes[at]!]! & IN_NAME) at += 1;
    if (at === nameStart || bytes[at] !== COLON) return 'a malformed header field';
    const name = text.slice(nameStart, at);
    // RFC 9110 §5.6.3: optional white space around a value is a space or a tab, less than what String.trim takes away.
    at += 1;
    while (bytes[at] === SPACE || bytes[at] === TAB) at += 1;
    const valueStart = at;
    const lineEnd = endOfLine(bytes, at, end);
    if (lineEnd === -1) return 'a control byte in the head, or a line that does not end in CR LF';
    let valueEnd = lineEnd;
    while (valueEnd > valueStart && (bytes[valueEnd - 1] === SPACE || bytes[valueEnd - 1] === TAB)) valueEnd -= 1;
    headers.push(name, text.slice(valueStart, valueEnd));
    if (headers.length > 2 * maxFields) return 'too many header fields';
    at = lineEnd + 2;
  }
  return headers;
}

/** Where the CR LF is that ends the line; -1 if anything but a value's bytes come before it. */
export function endOfLine(bytes: Buffer, at: number, end: number): number {
  while (BYTE_CLASS[bytes[at]!]! & IN_VALUE) at += 1;
  return bytes[at] === CR && bytes[at + 1] === LF && at + 2 <= end ? at : -1;
}
