import { MAX_DECODINGS, percentDecode, decodeOverlong } from './decoding.ts';

/** Somebody behind the upstream's front may decode once more; for what is allowed that is as far as anybody looks. */
const USUAL_DECODINGS = 3;
const BEYOND_ASCII = /[\x80-\xff]/;
/**
 * What a server may drop from the end of a name: an extension that says a format, dots and spaces (as Windows does).
 */
const DROPPED_SUFFIX = /^(?:[. ]|\.[a-z][a-z0-9]*)*$/;

/**
 * The ways in which a server may read a path: strictly, where an encoded slash or dot is no structure; leniently,
 * decoded as a whole, once or more often; and before it follows the dots. Nearly always there is but one.
 */
export function readingsOf(path: string): readonly (readonly string[])[] {
  if (!path.includes('%')) return [normalizedSegments(path)];
  const split = (text: string, at: RegExp): string[] =>
    text
      .split(at)
      .map(normalizeSegment)
      .filter((part) => part !== '' && part !== '.');
  const readings: (readonly string[])[] = [
    split(path, /\//).map((part) => normalizeSegment(percentDecode(part))),
    split(percentDecode(path), /[\\/]/),
  ];
  let text = path;
  for (let times = 0; times < USUAL_DECODINGS && text.includes('%'); times += 1) {
    text = percentDecode(text);
    readings.push(normalizedSegments(text));
  }
  return readings;
}

/**
 * Those, and what else some server makes of a path: decoded until nothing is left to decode, overlong UTF-8 read all
 * the same, full-width and other compatibility letters taken for the plain ones (NFKC), an encoded `?` or `#` for the
 * path's end. For what must not pass; what may pass has to be written as everybody reads it.
 */
export function allReadingsOf(path: string): readonly (readonly string[])[] {
  const readings = readingsOf(path);
  if (!path.includes('%') && !BEYOND_ASCII.test(path)) return readings;
  const more: (readonly string[])[] = [];
  let text = path;
  for (let times = 0; times < MAX_DECODINGS; times += 1) {
    const decoded = foldCompatibility(percentDecode(text));
    if (decoded === text) break;
    text = decoded;
    const parts = text
      .split(/[\\/]/)
      .map((part) => normalizeSegment(part.split(/[?#]/, 1)[0]!).replaceAll(/^[\t-\r ]+|[\t-\r ]+$/g, ''));
    more.push(
      parts.filter((part) => part !== '' && part !== '.'),
      resolveDots(parts),
    );
  }
  return [...readings, ...more];
}

/**
 * The segments of a path without case, empty segments, dot segments and path parameters. Rules compare with that, so
 * that spelling a path differently is no way around them.
 */
function normalizedSegments(path: string): readonly string[] {
  return resolveDots(path.split(/[\\/]/).map(normalizeSegment));
}

/** The segments of a configured path, as bytes on the wire: it may be written with letters beyond ASCII, or encoded. */
export function segmentsOf(path: string): readonly string[] {
  return normalizedSegments(percentDecode(Buffer.from(path).toString('latin1')));
}

/** The same, as `allReadingsOf` has the segments of a request that means this path. */
export function lenientSegmentsOf(path: string): readonly string[] {
  return allReadingsOf(Buffer.from(path).toString('latin1')).at(-1)!;
}

/** Whether a server may take this segment of a request for this part of a path that must not be called; `*`: any. */
export function mayMatch(part: string, segment: string): boolean {
  if (part === '*' || part === segment) return true;
  return segment.startsWith(part) && DROPPED_SUFFIX.test(segment.slice(part.length));
}

function resolveDots(parts: readonly string[]): readonly string[] {
  const segments: string[] = [];
  for (const part of parts) {
    if (part === '..') segments.pop();
    else if (part !== '' && part !== '.') segments.push(part);
  }
  return segments;
}

function normalizeSegment(part: string): string {
  return part.split(';', 1)[0]!.toLowerCase();
}

/**
 * Letters that mean the same as plain ones, as those; all in lower case. One character for each byte, before and after.
 */
function foldCompatibility(text: string): string {
  if (!BEYOND_ASCII.test(text)) return text;
  const letters = Buffer.from(decodeOverlong(text), 'latin1').toString('utf8').normalize('NFKC').toLowerCase();
  return Buffer.from(letters, 'utf8').toString('latin1');
}
