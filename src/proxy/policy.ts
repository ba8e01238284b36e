import { TokenwardError } from '../errors.ts';
import { allReadingsOf, mayMatch, lenientSegmentsOf, readingsOf, segmentsOf } from './readings.ts';

/** One line of a route's policy: methods (default: all) on paths that begin with these segments. */
interface PolicyRule {
  readonly methods?: readonly string[] | undefined;
  /** A path below the route's prefix; `*` stands for one segment. Everything below the path is included. */
  readonly path?: string | undefined;
}

/** A route's policy, compiled. */
export interface Policy {
  /** Undefined: everything that is not denied. */
  readonly allow: readonly Rule[] | undefined;
  readonly deny: readonly Rule[];
}

interface Rule {
  readonly methods: readonly string[] | undefined;
  readonly segments: readonly string[];
  /** The same, as a lenient server reads it. */
  readonly lenientSegments: readonly string[];
  /** As written in the configuration, for error details. */
  readonly text: string;
}

/** Rules that an error detail lists at most. */
const MAX_LISTED_RULES = 5;

/** Compiles the rules of a route whose paths are below `basePath` of the upstream. */
export function compilePolicy(
  { allow, deny }: { allow?: readonly PolicyRule[] | undefined; deny: readonly PolicyRule[] },
  basePath: string,
): Policy {
  const compile = ({ methods, path }: PolicyRule): Rule => ({
    methods,
    text: `${methods?.join(', ') ?? 'every method'} on ${path ?? 'every path'}`,
    segments: path === undefined ? [] : segmentsOf(`${basePath}${path}`),
    lenientSegments: path === undefined ? [] : lenientSegmentsOf(`${basePath}${path}`),
  });
  return { allow: allow?.map(compile), deny: deny.map(compile) };
}

/** Why a policy does not let a request out; values of a metric's label (docs/metrics.md). */
export const POLICY_VERDICTS = ['denied', 'not_allowed'] as const;
export type PolicyVerdict = (typeof POLICY_VERDICTS)[number];

/**
 * Evaluates a policy for the path that the upstream will get. Undefined: allowed. A request is denied if any reading of
 * its path is, and allowed only if all readings are.
 */
export function evaluatePolicy(policy: Policy, method: string, path: string): PolicyVerdict | undefined {
  if (denyingRule(policy, method, path) !== undefined) return 'denied';
  const { allow } = policy;
  if (allow === undefined) return undefined;
  const allowed = readingsOf(path).every((segments) => allow.some((rule) => matches(rule, method, segments)));
  return allowed ? undefined : 'not_allowed';
}

/** The error for a verdict, with the route and its policy. */
export function policyError(
  policy: Policy,
  verdict: PolicyVerdict,
  route: string,
  method: string,
  path: string,
): TokenwardError {
  const { allow = [] } = policy;
  const more = allow.length > MAX_LISTED_RULES ? `; and ${allow.length - MAX_LISTED_RULES} more` : '';
  const detail =
    verdict === 'denied'
      ? `route ${route}, ${method}: policy.deny has "${denyingRule(policy, method, path)?.text ?? ''}"`
      : `route ${route}: no line of policy.allow allows ${method} on this path; the lines are "${allow
          .slice(0, MAX_LISTED_RULES)
          .map(({ text }) => text)
          .join('; ')}${more}"`;
  return new TokenwardError('policy_refused', { detail });
}

/** The deny rule that covers this request in some reading of its path. */
function denyingRule({ deny }: Policy, method: string, path: string): Rule | undefined {
  if (deny.length === 0) return undefined;
  const readings = allReadingsOf(path);
  return deny.find(
    ({ methods, segments, lenientSegments }) =>
      (methods === undefined || methods.includes(method)) &&
      [segments, lenientSegments].some((parts) =>
        readings.some(
          (reading) => parts.length <= reading.length && parts.every((part, index) => mayMatch(part, reading[index]!)),
        ),
      ),
  );
}

function matches(rule: Rule, method: string, segments: readonly string[]): boolean {
  if (rule.methods !== undefined && !rule.methods.includes(method)) return false;
  return (
    rule.segments.length <= segments.length &&
    rule.segments.every((part, index) => part === '*' || part === segments[index])
  );
}
