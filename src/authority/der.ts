/* DER (X.690), as far as certificates' constraints and PKCS #12 need it. Written only, never read. */

const TAG = { integer: 0x02, octets: 0x04, nothing: 0x05, oid: 0x06, bmpString: 0x1e, sequence: 0x30, set: 0x31 };

/** One element: a tag, its length and its content. */
function element(tag: number, content: Buffer): Buffer {
  if (content.length < 0x80) return Buffer.concat([Buffer.from([tag, content.length]), content]);
  const digits = content.length.toString(16);
  const length = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex');
  return Buffer.concat([Buffer.from([tag, 0x80 + length.length]), length, content]);
}

export const sequence = (...items: readonly Buffer[]): Buffer => element(TAG.sequence, Buffer.concat(items));

/** SET OF: DER wants its elements in the order of their encodings. */
export const setOf = (...items: readonly Buffer[]): Buffer =>
  element(TAG.set, Buffer.concat([...items].sort((a, b) => Buffer.compare(a, b))));

export const octets = (content: Buffer): Buffer => element(TAG.octets, content);

export const nothing = (): Buffer => element(TAG.nothing, Buffer.alloc(0));

/** A context-specific tag around other elements. */
export const tagged = (number: number, ...items: readonly Buffer[]): Buffer =>
  element(0xa0 + number, Buffer.concat(items));

/** A context-specific tag in place of a primitive type's own. */
export const implicit = (number: number, content: Buffer): Buffer => element(0x80 + number, content);

/** A whole number from 0 on. */
export function integer(value: number): Buffer {
  const digits = value.toString(16);
  const bytes = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex');
  // A first bit that is set would make it negative.
  return element(TAG.integer, bytes[0]! < 0x80 ? bytes : Buffer.concat([Buffer.from([0]), bytes]));
}

/** An object identifier from its dotted form. */
export function oid(dotted: string): Buffer {
  const [first, second, ...rest] = dotted.split('.').map(Number) as [number, number, ...number[]];
  return element(TAG.oid, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

/** UTF-16, most significant byte first. */
export function bmpString(text: string): Buffer {
  return element(TAG.bmpString, utf16(text));
}

export function utf16(text: string): Buffer {
  return Buffer.from(text, 'utf16le').swap16();
}

/** Seven bits a byte, all but the last with the first bit set. */
function base128(value: number): number[] {
  const bytes = [value % 0x80];
  for (let rest = Math.floor(value / 0x80); rest > 0; rest = Math.floor(rest / 0x80))
    bytes.unshift((rest % 0x80) + 0x80);
  return bytes;
}
