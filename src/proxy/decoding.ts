/**
 * An ASCII character as overlong UTF-8 (RFC 3629 §3); text as Latin-1. A lenient decoder makes a dot or a slash of it.
 * In windows-1251 it is a capital A or B before a sign such as a closing quotation mark, which is rare in a path.
 */
export const OVERLONG = /(?:[\xc0\xc1]|(?:\xe0|\xf0\x80|\xf8\x80\x80|\xfc\x80\x80\x80)[\x80\x81])[\x80-\xbf]/;

const OVERLONG_GLOBAL = new RegExp(OVERLONG, 'g');

/** No legitimate path is encoded so often. */
export const MAX_DECODINGS = 8;

/**
 * Percent-decodes once, byte by byte: a sequence that is not UTF-8 must not keep the rest of the path from being
 * decoded.
 */
export function percentDecode(text: string): string {
  return text.replaceAll(/%([0-9A-Fa-f]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}

/** Decodes overlong sequences as a lenient decoder does. Latin-1, before and after. */
export function decodeOverlong(text: string): string {
  return text.replaceAll(OVERLONG_GLOBAL, (sequence) => {
    const [high, low] = [sequence.charCodeAt(sequence.length - 2), sequence.charCodeAt(sequence.length - 1)];
    return String.fromCharCode(((high & 1) << 6) | (low & 0x3f));
  });
}
