import type { ResponseContent } from './content.ts';
import type { MatchRule } from './flow.ts';
import { locate, readsText } from './locator.ts';

/** True if at least one of the rules matches. */
export function matchesAny(rules: readonly MatchRule[], response: ResponseContent): boolean {
  return rules.some((rule) => matches(rule, response));
}

/** True if a rule for this status needs the body. */
export function needsBody(rules: readonly MatchRule[], status: number): boolean {
  return rules.some((rule) => (rule.body !== undefined || rule.contains !== undefined) && statusHolds(rule, status));
}

/** True if a rule for this status needs a body that need not be JSON. */
export function needsText(rules: readonly MatchRule[], status: number): boolean {
  return rules.some((rule) => looksIntoText(rule) && statusHolds(rule, status));
}

/** True for a rule that looks into a body that need not be JSON. */
export function looksIntoText({ body = {}, contains }: MatchRule): boolean {
  return contains !== undefined || Object.keys(body).some(readsText);
}

/** True if no rule can match with this status: the response is relayed without further checks. */
export function ruledOut(rules: readonly MatchRule[], status: number): boolean {
  return !rules.some((rule) => statusHolds(rule, status));
}

/** True if all parts of the rule match. */
export function matches(rule: MatchRule, response: ResponseContent): boolean {
  if (!statusHolds(rule, response.status)) return false;
  if (rule.header !== undefined && !Object.entries(rule.header).every((expected) => contains(response, ...expected)))
    return false;
  if (
    rule.unlessHeader !== undefined &&
    Object.entries(rule.unlessHeader).some((excluded) => contains(response, ...excluded))
  )
    return false;
  if (rule.contains !== undefined && !holds(response.text, rule.contains)) return false;
  return Object.entries(rule.body ?? {}).every(([place, expected]) => {
    const values = Array.isArray(expected) ? expected : [expected];
    return locate(place, response).some((found) => values.some((value) => equalValues(found, value)));
  });
}

function contains(response: ResponseContent, name: string, texts: string | readonly string[]): boolean {
  return holds(response.header(name.toLowerCase()), texts);
}

function holds(value: string | undefined, texts: string | readonly string[]): boolean {
  const folded = value?.toLowerCase();
  return (
    folded !== undefined &&
    (Array.isArray(texts) ? texts : [texts]).some((text: string) => folded.includes(text.toLowerCase()))
  );
}

function statusHolds(rule: MatchRule, status: number): boolean {
  const { status: expected } = rule;
  if (expected === undefined || expected === status) return true;
  return Array.isArray(expected) ? expected.some((one) => statusMatches(one, status)) : statusMatches(expected, status);
}

/** 401 matches 401 and "4xx". */
function statusMatches(expected: number | string, status: number): boolean {
  return (
    expected === status || (typeof expected === 'string' && expected.charCodeAt(0) - 48 === Math.floor(status / 100))
  );
}

/** 1007 and "1007" are the same code: APIs send both. */
function equalValues(found: unknown, expected: string | number | boolean | null): boolean {
  if (found === expected) return true;
  return (
    (typeof found === 'string' || typeof found === 'number') &&
    (typeof expected === 'string' || typeof expected === 'number') &&
    String(found) === String(expected)
  );
}
