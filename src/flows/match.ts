import type { MatchRule } from './flow.ts';

/** What rules are matched against. `body` is called only when a rule needs it; undefined: no JSON. */
export interface MatchedResponse {
  readonly status: number;
  header(name: string): string | undefined;
  body(): unknown;
}

/** True if at least one of the rules matches. */
export function matchesAny(rules: readonly MatchRule[], response: MatchedResponse): boolean {
  return rules.some((rule) => matches(rule, response));
}

/** True if a rule for this status needs the body. */
export function needsBody(rules: readonly MatchRule[], status: number): boolean {
  return rules.some((rule) => rule.body !== undefined && statusHolds(rule, status));
}

/** True if no rule can match with this status: the response is relayed without further checks. */
export function ruledOut(rules: readonly MatchRule[], status: number): boolean {
  return !rules.some((rule) => statusHolds(rule, status));
}

/** True if all parts of the rule match. */
export function matches(rule: MatchRule, response: MatchedResponse): boolean {
  if (!statusHolds(rule, response.status)) return false;
  if (rule.header !== undefined && !Object.entries(rule.header).every((expected) => contains(response, ...expected)))
    return false;
  if (
    rule.unlessHeader !== undefined &&
    Object.entries(rule.unlessHeader).some((excluded) => contains(response, ...excluded))
  )
    return false;
  if (rule.body === undefined) return true;
  const body = response.body();
  if (body === undefined) return false;
  return Object.entries(rule.body).every(([pointer, expected]) => {
    const values = Array.isArray(expected) ? expected : [expected];
    return pointed(body, pointer).some((found) => values.some((value) => equalValues(found, value)));
  });
}

function contains(response: MatchedResponse, name: string, texts: string | readonly string[]): boolean {
  const value = response.header(name.toLowerCase())?.toLowerCase();
  return (
    value !== undefined &&
    (Array.isArray(texts) ? texts : [texts]).some((text: string) => value.includes(text.toLowerCase()))
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

/** Everything an RFC 6901 pointer leads to; `*` stands for every element of an array. Own properties only. */
export function pointed(value: unknown, pointer: string): unknown[] {
  let found: unknown[] = [value];
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    const next: unknown[] = [];
    for (const item of found) {
      if (Array.isArray(item)) {
        // Not `push(...item)`: a list of more than some 100,000 items does not fit on the stack.
        if (key === '*') for (const one of item as unknown[]) next.push(one);
        else if (/^\d+$/.test(key) && Number(key) < item.length) next.push(item[Number(key)]);
      } else if (typeof item === 'object' && item !== null && Object.hasOwn(item, key)) {
        next.push((item as Record<string, unknown>)[key]);
      }
    }
    found = next;
  }
  return found;
}
