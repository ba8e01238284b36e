/**
 * The text of a token endpoint's response. UTF-8, with or without a byte order mark; UTF-16, which RFC 8259 does not
 * allow for JSON, is recognised by its mark, or by the zeros in its first two characters, which in JSON are ASCII.
 */
export function decodeText(bytes: Buffer): string {
  const [a, b, c, d] = bytes;
  if ((a === 0xff && b === 0xfe) || (a !== 0 && b === 0 && c !== 0 && d === 0))
    return new TextDecoder('utf-16le').decode(bytes);
  if ((a === 0xfe && b === 0xff) || (a === 0 && b !== 0 && c === 0 && d !== 0))
    return new TextDecoder('utf-16be').decode(bytes);
  return new TextDecoder().decode(bytes);
}
