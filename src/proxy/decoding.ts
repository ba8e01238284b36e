/**
 * A character of ASCII in more bytes than UTF-8 has for it (RFC 3629 §3), one character of text for each byte. Whoever
 * decodes that all the same makes a dot or a slash of it. In windows-1251 it is a capital A or B before a sign such as
 * a closing quotation mark, which is rare in a path.
 */
export const OVERLONG = /(?:[\xc0\xc1]|(?:\xe0|\xf0\x80|\xf8\x80\x80|\xfc\x80\x80\x80)[\x80\x81])[\x80-\xbf]/;

const OVERLONG_GLOBAL = new RegExp(OVERLONG, 'g');

/** Nobody encodes a path so often for a good reason. */
export const MAX_DECODINGS = 8;

/**
 * Percent-decoded once, byte by byte: a sequence that is no UTF-8 must not save the rest of the path from being
 * decoded.
 */
export function percentDecode(text: string): string {
  return text.replaceAll(/%([0-9A-Fa-f]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}

/** Overlong sequences as who decodes them leniently reads them. One character for each byte, before and after. */
export function decodeOverlong(text: string): string {
  return text.replaceAll(OVERLONG_GLOBAL, (sequence) => {
    const [high, low] = [sequence.charCodeAt(sequence.length - 2), sequence.charCodeAt(sequence.length - 1)];
    return String.fromCharCode(((high & 1) << 6) | (low & 0x3f));
  });
}
