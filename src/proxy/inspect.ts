import type { MatchRule } from '../flows/flow.ts';
import { matchesAny, needsBody, ruledOut } from '../flows/match.ts';
import { BodyStart } from './body-start.ts';
import { decoded } from '../http/coding.ts';
import { remembered } from '../http/memoize.ts';
import type { UpstreamReply } from '../http/client/response.ts';

/** As much of a reply as is looked at: an error is short. Bytes. */
const PEEK_MOST = 64 * 1024;
/**
 * A JSON reply that takes longer than this to arrive, or one of an open type to begin, is passed on as it comes. ms.
 */
const PEEK_WAIT = 10_000;

/** Which replies mean that the token is dead. Built once per flow. */
export interface DeadTokenRule {
  readonly rules: readonly MatchRule[];
  /** Some rule looks into the body. */
  readonly readsBody: boolean;
  /** A body that contains none of these texts (and no escape) cannot match: saves most replies from being parsed. */
  readonly needles: readonly Buffer[] | undefined;
}

/** Undefined if no reply can match. */
export function deadTokenRule(rules: readonly MatchRule[]): DeadTokenRule | undefined {
  if (rules.length === 0) return undefined;
  return { rules, readsBody: rules.some((rule) => rule.body !== undefined), needles: needlesOf(rules) };
}

/**
 * Does this reply mean that the token it was sent with is dead? Answers at once unless a rule wants to see a body that
 * is not here yet. Nothing is consumed: the reply can be relayed afterwards, whatever the answer.
 */
export function meansDeadToken(rule: DeadTokenRule, method: string, reply: UpstreamReply): boolean | Promise<boolean> {
  const { status } = reply;
  if (ruledOut(rule.rules, status)) return false;
  if (!needsBody(rule.rules, status)) return matches(rule, reply, undefined);
  if (!mayHoldJson(method, reply)) return matches(rule, reply, undefined);
  if (reply.ended) return judge(rule, reply);
  const start = new BodyStart(reply.header('content-encoding'));
  if (start.look(reply.chunks) === 'other') return matches(rule, reply, undefined);
  return judgeLater(rule, reply, start);
}

/** Waits for the whole of an error message, but for no more of anything else than shows that it is something else. */
async function judgeLater(rule: DeadTokenRule, reply: UpstreamReply, start: BodyStart): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, PEEK_WAIT);
  });
  await Promise.race([reply.gather(PEEK_MOST, somethingElse(rule, reply, start)), limit]);
  clearTimeout(timer);
  return judge(rule, reply);
}

/**
 * A check to be made with each piece of a body: true as soon as it cannot be an error message any more. That is when it
 * does not begin like JSON, and when the JSON value it began with is over without being one: lines of JSON, as streams
 * of events often come, are not held back until there are many of them.
 */
function somethingElse(rule: DeadTokenRule, reply: UpstreamReply, start: BodyStart): () => boolean {
  let harmless: boolean | undefined;
  return () => {
    if (start.look(reply.chunks) === 'other' || start.more) return true;
    if (!start.ended) return false;
    if (harmless === undefined) {
      const bytes = Buffer.concat(reply.chunks);
      harmless = !worthParsing(rule, bytes) || !matches(rule, reply, bytes);
    }
    return harmless;
  };
}

function judge(rule: DeadTokenRule, reply: UpstreamReply): boolean {
  return matches(rule, reply, messageOf(rule, reply));
}

/** The body, where it is an error message that could be read; not if it was cut off, is too long or came too slowly. */
function messageOf(rule: DeadTokenRule, reply: UpstreamReply): Buffer | undefined {
  if (!reply.ended || reply.heldBytes > PEEK_MOST) return undefined;
  const { chunks } = reply;
  const raw = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
  const bytes = decoded(raw, reply.header('content-encoding'));
  return bytes !== undefined && worthParsing(rule, bytes) ? bytes : undefined;
}

/**
 * How a person would name this refusal: its status, and the codes by which the rule knows it. Nothing in it is the
 * upstream's own text.
 */
export function refusalWords(rule: DeadTokenRule, reply: UpstreamReply): string {
  const bytes = messageOf(rule, reply);
  const fits = (one: MatchRule): boolean => matches({ ...rule, rules: [one] }, reply, bytes);
  const found = rule.rules.find(fits);
  const codes = Object.entries(found?.body ?? {}).map(([pointer, wanted]) =>
    (Array.isArray(wanted) ? wanted : [wanted]).find(
      (value) =>
        (typeof value === 'string' || typeof value === 'number') && fits({ ...found, body: { [pointer]: value } }),
    ),
  );
  return [reply.status, ...codes.filter((code) => code !== undefined)].join(' ');
}

function matches(rule: DeadTokenRule, reply: UpstreamReply, bytes: Buffer | undefined): boolean {
  let parsed: unknown;
  let tried = false;
  return matchesAny(rule.rules, {
    status: reply.status,
    header: (name) => reply.header(name),
    body: () => {
      if (!tried && bytes !== undefined) parsed = parseJson(bytes);
      tried = true;
      return parsed;
    },
  });
}

/** Types whose replies are read: JSON, those by which APIs mislabel it, and those that say nothing. */
const JSON_TYPE = /^(application\/([\w.+-]*\+)?(x-)?json|text\/(x-)?json|application\/problem)/i;
const OPEN_TYPE =
  /^(text\/(plain|html|(x-)?javascript)|application\/(x-)?javascript|[\w*-]+\/(\*|(x-)?unknown)|[^/]*)$/i;
/** With an error's status it says nothing; else it is a download. */
const BINARY_TYPE = /^(application|binary)\/(octet-stream|binary)$/i;
const EVENTS = /ndjson|json-seq|jsonl|stream/i;
/** No type is longer. */
const TYPE_MOST = 200;

/**
 * What a Content-Type lets expect. Some APIs label their errors as text or HTML, or not at all; then the first bytes
 * tell.
 */
const promiseOf = remembered((value: string): 'json' | 'open' | 'binary' | 'no' => {
  const text = value.slice(0, TYPE_MOST);
  const type = text.split(';', 1)[0]!.trim();
  if (BINARY_TYPE.test(type)) return 'binary';
  if (EVENTS.test(text)) return 'no';
  return JSON_TYPE.test(type) ? 'json' : OPEN_TYPE.test(type) ? 'open' : 'no';
});

/** Events, downloads and pictures are never held back; nor is what has no body, or is only a part of one. */
function mayHoldJson(method: string, reply: UpstreamReply): boolean {
  const { status } = reply;
  if (method === 'HEAD' || status === 204 || status === 304 || status === 206) return false;
  const length = reply.header('content-length');
  if (length !== undefined && (length === '0' || Number(length) > PEEK_MOST)) return false;
  const promise = promiseOf(reply.header('content-type') ?? '');
  if (promise === 'json' || promise === 'no') return promise === 'json';
  if (/^\s*attachment/i.test(reply.header('content-disposition') ?? '')) return false;
  return promise === 'open' || status >= 400;
}

function worthParsing(rule: DeadTokenRule, bytes: Buffer): boolean {
  if (rule.needles === undefined || bytes.includes(0x5c) || bytes[0] === 0xff || bytes[0] === 0xfe) return true;
  return rule.needles.some((needle) => bytes.includes(needle));
}

/** For every rule one text that a matching body must contain; undefined if some rule has none. */
function needlesOf(rules: readonly MatchRule[]): Buffer[] | undefined {
  const needles: Buffer[] = [];
  for (const rule of rules) {
    if (rule.body === undefined) return undefined;
    const texts = Object.values(rule.body)
      .map((wanted) => (Array.isArray(wanted) ? wanted : [wanted]))
      .find((values) => values.every((value) => typeof value === 'string'));
    if (texts === undefined) return undefined;
    needles.push(...texts.map((text) => Buffer.from(text)));
  }
  return needles;
}

function parseJson(bytes: Buffer): unknown {
  try {
    // UTF-16 is not JSON by RFC 8259, but it can be told by its mark.
    const utf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
    const text = new TextDecoder(utf16 ? (bytes[0] === 0xff ? 'utf-16le' : 'utf-16be') : 'utf-8').decode(bytes);
    // Each of several files that make up an answer may bring a byte order mark; TextDecoder drops the first one only.
    return JSON.parse(text.replace(/^[\s\ufeff]+/, '')) as unknown;
  } catch {
    return undefined;
  }
}
