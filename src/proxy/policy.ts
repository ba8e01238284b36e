import { TokenwardError } from '../errors.ts';

/** One line of a route's policy: methods (all if not given) on paths that begin with these whole segments. */
export interface PolicyRule {
  readonly methods?: readonly string[] | undefined;
  /** A path below the route's prefix; `*` stands for one segment, and everything below the path is meant too. */
  readonly path?: string | undefined;
}

export interface Policy {
  /** Undefined: everything that is not denied. */
  readonly allow?: readonly PolicyRule[] | undefined;
  readonly deny: readonly PolicyRule[];
}

/** What a policy says of a request: nothing, or why not. */
export function judgeRequest(policy: Policy, method: string, path: string): 'denied' | 'not_allowed' | undefined {
  const segments = plainSegments(path);
  if (policy.deny.some((rule) => covers(rule, method, segments))) return 'denied';
  if (policy.allow !== undefined && !policy.allow.some((rule) => covers(rule, method, segments))) return 'not_allowed';
  return undefined;
}

/** The error a caller gets for a verdict. */
export function policyError(verdict: 'denied' | 'not_allowed'): TokenwardError {
  return new TokenwardError('policy_refused', { detail: verdict === 'denied' ? 'the route denies this call' : 'the route allows other calls only' });
}

/**
 * The path as a lenient server may read it: percent-decoded, without case, empty segments, dot segments and path
 * parameters. Rules compare with that, so that spelling a path differently is no way around them.
 */
export function plainSegments(path: string): readonly string[] {
  const segments: string[] = [];
  for (const part of decode(path).split(/[\\/]/)) {
    const segment = part.split(';', 1)[0]!.toLowerCase();
    if (segment === '..') segments.pop();
    else if (segment !== '' && segment !== '.') segments.push(segment);
  }
  return segments;
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function covers(rule: PolicyRule, method: string, segments: readonly string[]): boolean {
  if (rule.methods !== undefined && !rule.methods.includes(method)) return false;
  if (rule.path === undefined) return true;
  const wanted = plainSegments(rule.path);
  return wanted.length <= segments.length && wanted.every((part, index) => part === '*' || part === segments[index]);
}
