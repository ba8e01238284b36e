import { TokenwardError } from '../errors.ts';

/** RFC 3986 pchar and "/", plus what callers really send unencoded; `%` is looked at more closely. */
const PATH = /^\/[A-Za-z0-9\-._~!$&'()*+,;=:@/%[\]|^{}]*$/;
/** Any visible ASCII but `#`: brackets, quotes and pipes are common in queries and pass as they are. */
const QUERY = /^[\x21\x22\x24-\x7e]*$/;
/** No path needs these, and a log or a C string at the other end may take them for something. */
const ENCODED_CONTROL = /%(7f|[01][0-9a-f])/i;
/** Encoded slash, backslash or dot: two readers may disagree about where such a path leads. */
const ENCODED_STRUCTURE = /%(2f|5c|2e)/i;
const BAD_PERCENT = /%(?![0-9a-fA-F]{2})/;
/** A segment that is `.` or `..`, also with a path parameter behind it (`..;x`). */
const DOT_SEGMENT = /\/\.{1,2}(?=[/;]|$)/;

const LONGEST_TARGET = 8_192;

/**
 * Refuses a request target that another reader could understand differently: then no route can be trusted.
 * What passes goes on byte for byte. Throws a TokenwardError.
 */
export function checkTarget(target: string): void {
  if (target.length > LONGEST_TARGET) throw new TokenwardError('target_too_long', { detail: 'it may have 8 KiB' });
  const mark = target.indexOf('?');
  const path = mark === -1 ? target : target.slice(0, mark);
  if (!PATH.test(path) || path.startsWith('//')) refuse(whyNotPlain(path));
  if (path.includes('%') && (ENCODED_CONTROL.test(path) || BAD_PERCENT.test(path))) refuse('the path holds an encoded control byte, or a broken percent-encoding');
  if (path.includes('/.') && DOT_SEGMENT.test(path)) refuse('the path holds a dot segment');
  // RFC 3986 §6.2.2.2: %2e is a dot, so these climb on every route, also on one that passes encoded slashes.
  if (path.includes('%') && ENCODED_STRUCTURE.test(path) && DOT_SEGMENT.test(decodedStructure(path))) refuse('the path holds an encoded dot segment');
  if (mark !== -1 && !QUERY.test(target.slice(mark + 1))) refuse('a byte of the query must be percent-encoded');
}

/** Refuses a path with structure in its encoding, on a route that has not asked for it. Throws a TokenwardError. */
export function checkEncodedPath(target: string, route: string): void {
  if (!target.includes('%')) return;
  const mark = target.indexOf('?');
  if (ENCODED_STRUCTURE.test(mark === -1 ? target : target.slice(0, mark))) refuse(`the path holds an encoded slash, backslash or dot; route ${route} would take it with encodedPaths: pass`);
}

function whyNotPlain(path: string): string {
  if (/^https?:/i.test(path)) return 'the target is a whole URL, and not one of this proxy: its scheme and host must be those of the listener, and the same as in Host; this is no forward proxy, call it itself, with the prefix of a route';
  if (path.startsWith('//')) return 'the path begins with two slashes';
  return path.startsWith('/') ? 'a byte of the path must be percent-encoded' : 'the target is not a path';
}

function decodedStructure(path: string): string {
  return path.replaceAll(/%2e/gi, '.').replaceAll(/%2f|%5c/gi, '/');
}

function refuse(detail: string): never {
  throw new TokenwardError('request_target_refused', { detail });
}
