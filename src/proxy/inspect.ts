import type { MatchRule } from '../flows/flow.ts';
import { ResponseContent } from '../flows/content.ts';
import { looksIntoText, matchesAny, needsBody, needsText, ruledOut } from '../flows/match.ts';
import { JsonSniffer } from './json-sniffer.ts';
import { decodeBody } from '../http/coding.ts';
import { holdsNeedle, needlesOf, type Needles } from './needles.ts';
import { memoize } from '../http/memoize.ts';
import type { UpstreamResponse } from '../http/client/response.ts';

/** Only responses up to this size are inspected, unless the route says otherwise: errors are short. Bytes. */
const MAX_INSPECTED_BYTES = 64 * 1024;
/**
 * What a compressed response may hold to be unpacked, unless the route says otherwise. Unpacking 20 KiB takes 50 to 115
 * µs, three times what all the rest of a request takes. Bytes.
 */
const MAX_UNPACKED_BYTES = 16 * 1024;
/** How long a response is held back for inspection. A slower one is relayed as it arrives. ms. */
const MAX_PEEK_MS = 10_000;

/** Which responses reject the token. Built once per flow. */
export interface RejectedTokenRule {
  readonly rules: readonly MatchRule[];
  /** Some rule reads the body. */
  readonly readsBody: boolean;
  /** Some rule reads a body that need not be JSON. */
  readonly readsText: boolean;
  /** A body that holds none of these cannot match: saves most responses from being parsed. */
  readonly needles: Needles | undefined;
  /** Larger bodies are not inspected, nor are compressed ones that hold more than the second figure. Bytes. */
  readonly maxBytes: number;
  readonly maxUnpackedBytes: number;
}

/** `maxInspectedBody`: of the route, in bytes. Undefined if no response can match. */
export function rejectedTokenRule(
  rules: readonly MatchRule[],
  maxInspectedBody?: number,
): RejectedTokenRule | undefined {
  if (rules.length === 0) return undefined;
  const text = rules.some(looksIntoText);
  const maxBytes = maxInspectedBody ?? MAX_INSPECTED_BYTES;
  return {
    rules,
    readsBody: rules.some((rule) => rule.body !== undefined || rule.contains !== undefined),
    readsText: text,
    needles: needlesOf(rules.map(({ body }) => body)),
    maxBytes,
    // A page with a login form is longer than a JSON error.
    maxUnpackedBytes: maxInspectedBody ?? (text ? maxBytes : MAX_UNPACKED_BYTES),
  };
}

/**
 * Whether this response rejects the token of its request. A promise only if a rule needs a body that is still arriving.
 * Nothing is consumed: the response can be relayed in either case.
 */
export function rejectsToken(
  rule: RejectedTokenRule,
  method: string,
  response: UpstreamResponse,
): boolean | Promise<boolean> {
  const { status } = response;
  if (ruledOut(rule.rules, status)) return false;
  if (!needsBody(rule.rules, status)) return matches(rule, response, undefined);
  if (rule.readsText && needsText(rule.rules, status) && mayHoldText(rule, method, response))
    return response.ended ? matchesBody(rule, response) : waitAndMatch(rule, response, () => false);
  if (!mayHoldJson(rule, method, response)) return matches(rule, response, undefined);
  if (response.ended) return matchesBody(rule, response);
  const sniffer = new JsonSniffer(response.header('content-encoding'));
  if (sniffer.sniff(response.chunks) === 'other') return matches(rule, response, undefined);
  return waitAndMatch(rule, response, cannotBeError(rule, response, sniffer));
}

/** Waits for a complete error message; of any other body, only until `isOther` says that it is something else. */
async function waitAndMatch(
  rule: RejectedTokenRule,
  response: UpstreamResponse,
  isOther: () => boolean,
): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, MAX_PEEK_MS);
  });
  await Promise.race([response.gather(rule.maxBytes, isOther), limit]);
  clearTimeout(timer);
  return matchesBody(rule, response);
}

/**
 * A check for each piece of a body: true as soon as it cannot be an error message. That is when it does not begin like
 * JSON, or when its first JSON value has ended and does not match: streams of JSON lines are not held back until there
 * are many.
 */
function cannotBeError(rule: RejectedTokenRule, response: UpstreamResponse, sniffer: JsonSniffer): () => boolean {
  let harmless: boolean | undefined;
  return () => {
    if (sniffer.sniff(response.chunks) === 'other' || sniffer.hasTrailing) return true;
    if (!sniffer.ended) return false;
    if (harmless === undefined) {
      const bytes = Buffer.concat(response.chunks);
      harmless = !mayMatch(rule, bytes) || !matches(rule, response, bytes);
    }
    return harmless;
  };
}

function matchesBody(rule: RejectedTokenRule, response: UpstreamResponse): boolean {
  return matches(rule, response, errorBodyOf(rule, response));
}

/** The decoded body, if it may be an error message; undefined if it is incomplete, too long or too slow. */
function errorBodyOf(rule: RejectedTokenRule, response: UpstreamResponse): Buffer | undefined {
  if (!response.ended || response.bufferedBytes > rule.maxBytes) return undefined;
  const { chunks } = response;
  const raw = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
  const bytes = decodeBody(raw, response.header('content-encoding'), rule.maxUnpackedBytes);
  return bytes !== undefined && mayMatch(rule, bytes) ? bytes : undefined;
}

/** Describes a rejection by its status and the codes in the matching rule. It holds nothing that the upstream sent. */
export function describeRejection(rule: RejectedTokenRule, response: UpstreamResponse): string {
  const bytes = errorBodyOf(rule, response);
  const matchesRule = (one: MatchRule): boolean => matches({ ...rule, rules: [one] }, response, bytes);
  const found = rule.rules.find(matchesRule);
  const codes = Object.entries(found?.body ?? {}).map(([pointer, wanted]) =>
    (Array.isArray(wanted) ? wanted : [wanted]).find(
      (value) =>
        (typeof value === 'string' || typeof value === 'number') &&
        matchesRule({ ...found, body: { [pointer]: value } }),
    ),
  );
  return [response.status, ...codes.filter((code) => code !== undefined)].join(' ');
}

function matches(rule: RejectedTokenRule, response: UpstreamResponse, bytes: Buffer | undefined): boolean {
  const content = new ResponseContent(
    response.status,
    (name) => response.header(name),
    () => (bytes === undefined ? undefined : textOf(bytes)),
  );
  return matchesAny(rule.rules, content);
}

/** Content types that are inspected: JSON, those that APIs mislabel it as, and those that say nothing. */
const JSON_TYPE = /^(application\/([\w.+-]*\+)?(x-)?json|text\/(x-)?json|application\/problem)/i;
const UNCERTAIN_TYPE =
  /^(text\/(plain|html|(x-)?javascript)|application\/(x-)?javascript|[\w*-]+\/(\*|(x-)?unknown)|[^/]*)$/i;
/** With an error status it says nothing; otherwise it is a download. */
const BINARY_TYPE = /^(application|binary)\/(octet-stream|binary)$/i;
const EVENTS = /ndjson|json-seq|jsonl|stream/i;
/** Longer values are cut. */
const MAX_TYPE_LENGTH = 200;

/**
 * What a Content-Type promises. Some APIs label their errors as text or HTML, or not at all; then the first bytes
 * decide.
 */
const contentKind = memoize((value: string): 'json' | 'uncertain' | 'binary' | 'other' => {
  const text = value.slice(0, MAX_TYPE_LENGTH);
  const type = text.split(';', 1)[0]!.trim();
  if (BINARY_TYPE.test(type)) return 'binary';
  if (EVENTS.test(text)) return 'other';
  return JSON_TYPE.test(type) ? 'json' : UNCERTAIN_TYPE.test(type) ? 'uncertain' : 'other';
});

const TEXT_TYPE = /^(text\/|application\/([\w.+-]*\+)?(xml|soap|json)|application\/x-www-form-urlencoded|$)/i;

/** For a rule that looks into XML, forms or text. */
function mayHoldText({ maxBytes }: RejectedTokenRule, method: string, response: UpstreamResponse): boolean {
  if (!mayHoldError(maxBytes, method, response)) return false;
  const type = (response.header('content-type') ?? '').slice(0, MAX_TYPE_LENGTH);
  return TEXT_TYPE.test(type) && !EVENTS.test(type);
}

/** Event streams, downloads and images are never held back, nor are responses without a body or with a part of one. */
function mayHoldJson({ maxBytes }: RejectedTokenRule, method: string, response: UpstreamResponse): boolean {
  if (!mayHoldError(maxBytes, method, response)) return false;
  const { status } = response;
  const kind = contentKind(response.header('content-type') ?? '');
  if (kind === 'json' || kind === 'other') return kind === 'json';
  if (/^\s*attachment/i.test(response.header('content-disposition') ?? '')) return false;
  return kind === 'uncertain' || status >= 400;
}

function mayHoldError(maxBytes: number, method: string, response: UpstreamResponse): boolean {
  const { status } = response;
  if (method === 'HEAD' || status === 204 || status === 304 || status === 206) return false;
  const length = response.header('content-length');
  return length === undefined || (length !== '0' && Number(length) <= maxBytes);
}

function mayMatch({ needles }: RejectedTokenRule, bytes: Buffer): boolean {
  // UTF-16 spells each letter with a zero byte.
  return needles === undefined || bytes[0] === 0xff || bytes[0] === 0xfe || holdsNeedle(needles, bytes);
}

function textOf(bytes: Buffer): string {
  // UTF-16 is not JSON by RFC 8259, but its byte order mark identifies it.
  const utf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  return new TextDecoder(utf16 ? (bytes[0] === 0xff ? 'utf-16le' : 'utf-16be') : 'utf-8').decode(bytes);
}
