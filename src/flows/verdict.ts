import type { BusyRule, Flow, MatchRule, RefusedRule, TokenCall } from './flow.ts';
import { matches } from './match.ts';
import { isDocument, type ReadResponse } from './response.ts';

/** Texts of an error that mean "try again later", whatever its status. */
const TRY_LATER = new RegExp(
  'too.?many.?(requests|calls|connections)|rate.?limit|throttl|slow.?down|' +
    'temporarily|overload|maintenance|try again (later|in)|quota',
  'i',
);
/** How much of an error is searched for them. */
const MAX_TEXTS = 40;
const MAX_TEXT_LENGTH = 300;

/**
 * The meaning of a response without a grant. `wait`: seconds that the flow sets for it. `rule`: the flow's own rule
 * that decided; undefined: a rule that holds for every flow, or none.
 */
export type Verdict =
  | { readonly kind: 'refused' | 'failed'; readonly rule: MatchRule | undefined }
  | {
      readonly kind: 'busy';
      readonly reason: 'rate_limited' | 'busy';
      readonly wait: number | undefined;
      readonly rule: MatchRule | undefined;
    };

/**
 * Refused, busy, or neither. "Refused" is final for credentials, so it needs the endpoint's own error: one that a rule
 * of the flow names, or a status that a rule names on a response in the API's own format. A response that asks to try
 * later, or a page of a firewall or proxy, is never a refusal.
 */
export function judge(call: TokenCall, flow: Flow, response: ReadResponse): Verdict {
  const busy = flow.busy.find((rule: BusyRule) => matches(rule, response));
  if (busy !== undefined)
    return { kind: 'busy', reason: response.status === 429 ? 'rate_limited' : 'busy', wait: busy.wait, rule: busy };
  if (response.status === 429) return { kind: 'busy', reason: 'rate_limited', wait: undefined, rule: undefined };
  const rules = [...call.refused, ...flow.refused].filter((rule) => matches(rule, response));
  const specific = rules.find(looksBeyondStatus);
  if (specific !== undefined) return { kind: 'refused', rule: specific };
  if (response.status >= 400 && response.status < 500 && asksToComeLater(response))
    return { kind: 'busy', reason: 'busy', wait: undefined, rule: undefined };
  const plain = rules.find((rule) => rule.format === 'any' || isDocument(response.json));
  return plain === undefined ? { kind: 'failed', rule: undefined } : { kind: 'refused', rule: plain };
}

/** True if the response is a refusal in words that a rule of the flow names, or in a field. */
export function isRefusedByName(call: TokenCall, flow: Flow, response: ReadResponse): boolean {
  return [...call.refused, ...flow.refused].some((rule) => looksBeyondStatus(rule) && matches(rule, response));
}

/** True for a rule that checks more than the status. */
function looksBeyondStatus(rule: RefusedRule): boolean {
  return rule.body !== undefined || rule.header !== undefined || rule.contains !== undefined;
}

/** A wrong password does not become right by waiting: an endpoint that names a time has not checked it. */
function asksToComeLater({ raw, json }: ReadResponse): boolean {
  return (
    (raw.headers['retry-after'] ?? '') !== '' ||
    (isDocument(json) && textsIn(json).some((text) => TRY_LATER.test(text)))
  );
}

/** The first texts of a document, the outermost first. */
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
