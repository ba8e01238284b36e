import type { BusyRule, Flow, RefusedRule, TokenCall } from './flow.ts';
import { matches } from './match.ts';
import { isDocument, type ReadResponse } from './response.ts';

/** How an error says "later", whatever its status. */
const TRY_LATER = new RegExp(
  'too.?many.?(requests|calls|connections)|rate.?limit|throttl|slow.?down|' +
    'temporarily|overload|maintenance|try again (later|in)|quota',
  'i',
);
/** As much of an error is read for that. */
const MAX_TEXTS = 40;
const MAX_TEXT_LENGTH = 300;

/** What an answer that grants nothing says. `wait`: seconds the flow sets for it. */
export type Verdict =
  | { readonly kind: 'refused' | 'failed' }
  | { readonly kind: 'busy'; readonly reason: 'rate_limited' | 'busy'; readonly wait: number | undefined };

/**
 * Refused, busy, or neither. "Refused" is final for a credential, so it takes the endpoint's own words: an error that a
 * rule of the flow names, or a status that a rule names on a reply in the API's own format. What asks to come later,
 * and pages of firewalls and proxies, never are.
 */
export function judge(call: TokenCall, flow: Flow, response: ReadResponse): Verdict {
  const busy = flow.busy.find((rule: BusyRule) => matches(rule, response));
  if (busy !== undefined)
    return { kind: 'busy', reason: response.status === 429 ? 'rate_limited' : 'busy', wait: busy.wait };
  if (response.status === 429) return { kind: 'busy', reason: 'rate_limited', wait: undefined };
  const rules = [...call.refused, ...flow.refused].filter((rule) => matches(rule, response));
  if (rules.some(looksBeyondStatus)) return { kind: 'refused' };
  if (response.status >= 400 && response.status < 500 && asksToComeLater(response))
    return { kind: 'busy', reason: 'busy', wait: undefined };
  if (rules.some((rule) => rule.format === 'any' || isDocument(response.json))) return { kind: 'refused' };
  return { kind: 'failed' };
}

/** True for a rule that looks at more than the status. */
function looksBeyondStatus(rule: RefusedRule): boolean {
  return rule.body !== undefined || rule.header !== undefined;
}

/** A wrong password does not become right by waiting: who says when to come again has not looked at it. */
function asksToComeLater({ raw, json }: ReadResponse): boolean {
  return (
    (raw.headers['retry-after'] ?? '') !== '' ||
    (isDocument(json) && textsIn(json).some((text) => TRY_LATER.test(text)))
  );
}

/** The first texts of a document, outermost first. */
function textsIn(json: object): string[] {
  const texts: string[] = [];
  const queue: unknown[] = [json];
  for (let at = 0; at < queue.length && at < MAX_TEXTS; at += 1) {
    const item = queue[at];
    if (typeof item === 'string') texts.push(item.slice(0, MAX_TEXT_LENGTH));
    else if (isDocument(item)) queue.push(...(Object.values(item) as unknown[]).slice(0, MAX_TEXTS));
  }
  return texts;
}
