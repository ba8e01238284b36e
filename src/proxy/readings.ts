import { MAX_DECODINGS, percentDecode, decodeOverlong } from './decoding.ts';
import { trimEnd } from '../trim-end.ts';

/** A server behind the upstream's front end may decode again. What is allowed is checked up to this many times. */
const USUAL_DECODINGS = 3;
const BEYOND_ASCII = /[\x80-\xff]/;
/** What a server may drop from the end of a name: a format extension, dots and spaces (as Windows does). */
const DROPPED_SUFFIX = /^(?:[. ]|\.[a-z][a-z0-9]*)*$/;

/**
 * The segments of a path in each way a server may read it: strictly, where an encoded slash or dot is no structure;
 * leniently, decoded as a whole, once or more often; with and without resolving dot segments. Nearly always there is
 * only one.
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
 * Those, and the readings of very lenient servers: decoded until nothing is left to decode, with overlong UTF-8, with
 * full-width and other compatibility letters as plain ones (NFKC), with an encoded `?` or `#` as the end of the path.
 * For what must not pass; what may pass must be written in the usual way.
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
    const parts = text.split(/[\\/]/).map((part) => withoutBlanks(normalizeSegment(part.split(/[?#]/, 1)[0]!)));
    more.push(
      parts.filter((part) => part !== '' && part !== '.'),
      resolveDots(parts),
    );
  }
  return [...readings, ...more];
}

function withoutBlanks(segment: string): string {
  return trimEnd(segment.replace(/^[\t-\r ]+/, ''), '\t\n\v\f\r ');
}

/**
 * The segments of a path without case, empty segments, dot segments and path parameters. Rules compare these, so that
 * another spelling does not evade them.
 */
function normalizedSegments(path: string): readonly string[] {
  return resolveDots(path.split(/[\\/]/).map(normalizeSegment));
}

/** The segments of a configured path, as bytes on the wire: the path may have letters beyond ASCII, or be encoded. */
export function segmentsOf(path: string): readonly string[] {
  return normalizedSegments(percentDecode(Buffer.from(path).toString('latin1')));
}

/** The same, in the most lenient reading of `allReadingsOf`. */
export function lenientSegmentsOf(path: string): readonly string[] {
  return allReadingsOf(Buffer.from(path).toString('latin1')).at(-1)!;
}

/** Whether a server may take a request's segment for this part of a denied path; `*`: any. */
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

/** Replaces compatibility letters by plain ones, in lower case. Latin-1, before and after. */
function foldCompatibility(text: string): string {
  if (!BEYOND_ASCII.test(text)) return text;
  const letters = Buffer.from(decodeOverlong(text), 'latin1').toString('utf8').normalize('NFKC').toLowerCase();
  return Buffer.from(letters, 'utf8').toString('latin1');
}
