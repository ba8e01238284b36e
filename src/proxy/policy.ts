import { TokenwardError } from '../errors.ts';

/** One line of a route's policy: methods (all if not given) on paths that begin with these whole segments. */
export interface PolicyRule {
  readonly methods?: readonly string[] | undefined;
  /** A path below the route's prefix; `*` stands for one segment, and everything below the path is meant too. */
  readonly path?: string | undefined;
}

/** A route's policy, ready to be compared with. */
export interface Policy {
  /** Undefined: everything that is not denied. */
  readonly allow: readonly Rule[] | undefined;
  readonly deny: readonly Rule[];
}

interface Rule {
  readonly methods: readonly string[] | undefined;
  readonly segments: readonly string[];
  /** As it stands in the configuration, for people. */
  readonly text: string;
}

/** So many rules are named in an error. */
const NAMED_MOST = 5;

/** Prepares the rules of a route whose paths go below `basePath` of the upstream. */
export function readyPolicy({ allow, deny }: { allow?: readonly PolicyRule[] | undefined; deny: readonly PolicyRule[] }, basePath: string): Policy {
  // Paths on the wire are bytes; a rule may be written with letters beyond ASCII, or with encoded ones.
  const ready = ({ methods, path }: PolicyRule): Rule => ({ methods, text: `${methods?.join(', ') ?? 'every method'} on ${path ?? 'every path'}`, segments: path === undefined ? [] : plainSegments(decode(Buffer.from(`${basePath}${path}`).toString('latin1'))) });
  return { allow: allow?.map(ready), deny: deny.map(ready) };
}

/**
 * What a policy says of a request, by the path that the upstream will get: nothing, or why not. A call is denied if any
 * way of reading its path is, and allowed only if all of them are.
 */
export function judgeRequest(policy: Policy, method: string, path: string): 'denied' | 'not_allowed' | undefined {
  const readings = readingsOf(path);
  if (policy.deny.some((rule) => readings.some((segments) => covers(rule, method, segments)))) return 'denied';
  if (policy.allow !== undefined && !readings.every((segments) => policy.allow!.some((rule) => covers(rule, method, segments)))) return 'not_allowed';
  return undefined;
}

/** The error a caller gets for a verdict: which route, and what its policy says. */
export function policyError({ allow = [], deny }: Policy, verdict: 'denied' | 'not_allowed', route: string, method: string, path: string): TokenwardError {
  const readings = readingsOf(path);
  const denying = deny.find((rule) => readings.some((segments) => covers(rule, method, segments)));
  const more = allow.length > NAMED_MOST ? `; and ${allow.length - NAMED_MOST} more` : '';
  const detail = verdict === 'denied'
    ? `route ${route}, ${method}: policy.deny has "${denying?.text ?? ''}"`
    : `route ${route}: no line of policy.allow lets ${method} out on this path; it has "${allow.slice(0, NAMED_MOST).map(({ text }) => text).join('; ')}${more}"`;
  return new TokenwardError('policy_refused', { detail });
}

/** Somebody behind the upstream's front may decode once more; deeper than this nobody does. */
const DECODINGS_MOST = 3;

/**
 * The ways in which a server may read a path: strictly, where an encoded slash or dot is no structure; leniently, decoded
 * as a whole, once or more often; and before it follows the dots. Nearly always there is but one.
 */
export function readingsOf(path: string): readonly (readonly string[])[] {
  if (!path.includes('%')) return [plainSegments(path)];
  const split = (text: string, at: RegExp): string[] => text.split(at).map(plain).filter((part) => part !== '' && part !== '.');
  const readings: (readonly string[])[] = [split(path, /\//).map((part) => plain(decode(part))), split(decode(path), /[\\/]/)];
  let text = path;
  for (let times = 0; times < DECODINGS_MOST && text.includes('%'); times += 1) {
    text = decode(text);
    readings.push(plainSegments(text));
  }
  return readings;
}

/**
 * The segments of a path without case, empty segments, dot segments and path parameters. Rules compare with that, so
 * that spelling a path differently is no way around them.
 */
export function plainSegments(path: string): readonly string[] {
  const segments: string[] = [];
  for (const part of path.split(/[\\/]/)) {
    const segment = plain(part);
    if (segment === '..') segments.pop();
    else if (segment !== '' && segment !== '.') segments.push(segment);
  }
  return segments;
}

function plain(part: string): string {
  return part.split(';', 1)[0]!.toLowerCase();
}

/** Byte by byte: a sequence that is no UTF-8 must not save the rest of the path from being decoded. */
function decode(text: string): string {
  return text.replaceAll(/%([0-9A-Fa-f]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}

function covers(rule: Rule, method: string, segments: readonly string[]): boolean {
  if (rule.methods !== undefined && !rule.methods.includes(method)) return false;
  return rule.segments.length <= segments.length && rule.segments.every((part, index) => part === '*' || part === segments[index]);
}
