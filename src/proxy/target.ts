import { TokenwardError } from '../errors.ts';
import { MAX_DECODINGS, OVERLONG, percentDecode } from './decoding.ts';
import type { Route } from './route.ts';

/** RFC 3986 pchar and "/", and nothing else; `%` is checked further below. */
const PATH = /^\/[A-Za-z0-9\-._~!$&'()*+,;=:@/%]*$/;
/** Any visible ASCII but `#`: brackets, quotes and pipes are common in queries and are forwarded as they are. */
const QUERY = /^[\x21\x22\x24-\x7e]*$/;
/** No path needs these, and a log or a C program could misread them. */
const ENCODED_CONTROL = /%(7f|[01][0-9a-f])/i;
/** Encoded slash, backslash or dot: servers may disagree about such a path. */
const ENCODED_STRUCTURE = /%(2f|5c|2e)/i;
const BAD_PERCENT = /%(?![0-9a-fA-F]{2})/;
/** How a nested or overlong encoding begins. Most paths have neither. */
const NESTED_ENCODING = /%(?:25|c[01]|e0|f[08c])/i;
/** A segment that is `.` or `..`, also with a path parameter (`..;x`). */
const DOT_SEGMENT = /\/\.{1,2}(?=[/;]|$)/;

const MAX_TARGET_LENGTH = 8_192;

/**
 * Refuses a request target that another server could understand differently, as no route or policy can be relied on
 * then. A valid one is forwarded byte for byte. Throws a TokenwardError.
 */
export function checkTarget(target: string): void {
  if (target.length > MAX_TARGET_LENGTH) throw new TokenwardError('target_too_long', { detail: 'the limit is 8 KiB' });
  const mark = target.indexOf('?');
  const path = mark === -1 ? target : target.slice(0, mark);
  if (!PATH.test(path) || path.startsWith('//')) refuse(describeBadPath(path));
  if (path.includes('%') && (ENCODED_CONTROL.test(path) || BAD_PERCENT.test(path)))
    refuse('the path holds an encoded control byte, or a broken percent-encoding');
  if (path.includes('/.') && DOT_SEGMENT.test(path)) refuse('the path holds a dot segment');
  // RFC 3986 §6.2.2.2: %2e is a dot, so these are dot segments on every route, also on one that forwards encoded
  // slashes.
  if (path.includes('%') && ENCODED_STRUCTURE.test(path) && DOT_SEGMENT.test(decodedStructure(path)))
    refuse('the path holds an encoded dot segment');
  if (mark !== -1 && !QUERY.test(target.slice(mark + 1))) refuse('a byte of the query must be percent-encoded');
}

/**
 * Refuses a path with encoded structure, on a route without `encodedPaths: pass`: the upstream, or a proxy before it,
 * may decode more often or more leniently than we do, and find another path. Nor may the forwarded path begin with two
 * slashes, which would name another host (RFC 3986 §4.2). Throws a TokenwardError.
 */
export function checkEncodedPath(
  target: string,
  { name, prefix, basePath }: Pick<Route, 'name' | 'prefix' | 'basePath'>,
): void {
  if (basePath === '' && target.startsWith('//', prefix.length)) {
    refuse(`behind the prefix, the path begins with two slashes${passHint(name)}`);
  }
  if (!target.includes('%')) return;
  const mark = target.indexOf('?');
  const path = mark === -1 ? target : target.slice(0, mark);
  if (ENCODED_STRUCTURE.test(path)) refuse(`the path holds an encoded slash, backslash or dot${passHint(name)}`);
  if (NESTED_ENCODING.test(path)) checkNestedEncoding(path, name);
}

/** The same for a path that is decoded more than once, or with overlong UTF-8. */
function checkNestedEncoding(path: string, route: string): void {
  let text = path;
  for (let times = 0; times < MAX_DECODINGS; times += 1) {
    const decoded = percentDecode(text);
    if (decoded === text) return;
    if (OVERLONG.test(decoded)) refuse(`the path holds overlong UTF-8${passHint(route)}`);
    if (ENCODED_STRUCTURE.test(decoded) || ENCODED_CONTROL.test(decoded)) {
      refuse(`the path holds a slash, backslash, dot or control byte that is encoded more than once${passHint(route)}`);
    }
    text = decoded;
  }
  refuse(`the path is encoded more than ${MAX_DECODINGS - 1} times${passHint(route)}`);
}

function passHint(route: string): string {
  return `; route ${route} would forward it with encodedPaths: pass`;
}

function describeBadPath(path: string): string {
  if (/^https?:/i.test(path))
    return 'the target is an absolute URL, as for a forward proxy; call this proxy itself, with the prefix of a route';
  if (path.startsWith('//')) return 'the path begins with two slashes';
  if (!path.startsWith('/')) return 'the target is not a path';
  const bad = /[[\]|^{}"<>\\`]/.exec(path)?.[0];
  if (bad === undefined) return 'a byte of the path must be percent-encoded';
  return `a ${bad} in the path must be percent-encoded; in a query it is allowed`;
}

function decodedStructure(path: string): string {
  return path.replaceAll(/%2e/gi, '.').replaceAll(/%2f|%5c/gi, '/');
}

function refuse(detail: string): never {
  throw new TokenwardError('request_target_refused', { detail });
}
