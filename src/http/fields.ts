/** Where a byte may occur: in a field name (RFC 9110 §5.6.2), in a field value (§5.5, with obs-text), in neither. */
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

/** Why a header section is invalid. */
type Malformed =
  | 'a malformed header field'
  | 'a control byte in the header section, or a line that does not end in CR LF'
  | 'too many header fields';

/**
 * Parses the field lines of a header section (RFC 9112 §5) from `at` to `end`, which is behind the last CR LF. Returns
 * names and values in turn, or the reason for a refusal. `text` is `bytes` as Latin-1. One pass, one table lookup per
 * byte. Not allowed: folding, a space before the colon, an empty name, a control byte, a line end other than CR LF.
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
    // RFC 9110 §5.6.3: optional whitespace is spaces and tabs only. String.trim removes more.
    at += 1;
    while (bytes[at] === SPACE || bytes[at] === TAB) at += 1;
    const valueStart = at;
    const lineEnd = endOfLine(bytes, at, end);
    if (lineEnd === -1) return 'a control byte in the header section, or a line that does not end in CR LF';
    // Stops at the colon at the latest, and `slice` takes an end before the start for an empty text.
    let valueEnd = lineEnd;
    while (bytes[valueEnd - 1] === SPACE || bytes[valueEnd - 1] === TAB) valueEnd -= 1;
    headers.push(name, text.slice(valueStart, valueEnd));
    if (headers.length > 2 * maxFields) return 'too many header fields';
    at = lineEnd + 2;
  }
  return headers;
}

/** The position of the CR LF that ends the line; -1 if another byte than those of a value comes before it. */
export function endOfLine(bytes: Buffer, at: number, end: number): number {
  while (BYTE_CLASS[bytes[at]!]! & IN_VALUE) at += 1;
  return bytes[at] === CR && bytes[at + 1] === LF && at + 2 <= end ? at : -1;
}
