import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib';
import type { MatchRule } from '../flows/flow.ts';
import { matchesAny, needsBody, ruledOut } from '../flows/match.ts';
import { remembered } from './remembered.ts';
import type { UpstreamReply } from './upstream/reply.ts';

/** As much of a reply as is looked at: an error is short. Bytes. */
export const PEEK_MOST = 64 * 1024;
/** What a compressed reply may grow to while it is looked at. Bytes. */
const DECODED_MOST = 256 * 1024;
/** A JSON reply that takes longer than this to arrive is passed on as it comes. ms. */
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
  return judgeLater(rule, reply);
}

async function judgeLater(rule: DeadTokenRule, reply: UpstreamReply): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, PEEK_WAIT);
  });
  await Promise.race([reply.gather(PEEK_MOST), limit]);
  clearTimeout(timer);
  return judge(rule, reply);
}

function judge(rule: DeadTokenRule, reply: UpstreamReply): boolean {
  // Cut off, too long or too slow: not an error message that could be read.
  if (!reply.ended || reply.heldBytes > PEEK_MOST) return matches(rule, reply, undefined);
  const { chunks } = reply;
  const raw = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
  const bytes = decoded(raw, reply.header('content-encoding'));
  if (bytes === undefined || !worthParsing(rule, bytes)) return matches(rule, reply, undefined);
  return matches(rule, reply, bytes);
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

/** What a Content-Type lets expect. Some APIs label their errors as text or HTML, or not at all; then the first byte tells, as far as one is here. */
const promiseOf = remembered((type: string): 'json' | 'perhaps' | 'no' => {
  if (!/^\s*(application\/([\w.+-]*\+)?json|text\/(json|plain|html|javascript)|application\/(problem|javascript))/i.test(type)) return 'no';
  if (/ndjson|json-seq|stream/i.test(type)) return 'no';
  return /json/i.test(type) ? 'json' : 'perhaps';
});

/** Events, downloads and pictures are never held back; nor is what has no body, or is only a part of one. */
function mayHoldJson(method: string, reply: UpstreamReply): boolean {
  const { status } = reply;
  if (method === 'HEAD' || status === 204 || status === 304 || status === 206) return false;
  const length = reply.header('content-length');
  if (length !== undefined && (length === '0' || Number(length) > PEEK_MOST)) return false;
  const type = reply.header('content-type');
  const promise = type === undefined ? 'perhaps' : promiseOf(type);
  if (promise !== 'perhaps') return promise === 'json';
  const first = reply.chunks[0];
  if (first === undefined) return status >= 400 || length !== undefined;
  if (reply.header('content-encoding') !== undefined || isGzip(first)) return true;
  const text = first.subarray(0, 64).toString('latin1').replace(/^\xef\xbb\xbf/, '').trimStart();
  return text === '' || text.startsWith('{') || text.startsWith('[');
}

/** The body without its one content coding; undefined if it cannot be read within bounds. */
function decoded(bytes: Buffer, coding: string | undefined): Buffer | undefined {
  const options = { maxOutputLength: DECODED_MOST };
  try {
    switch (coding?.trim().toLowerCase() ?? '') {
      case '':
      case 'identity':
        // Compressed without saying so happens behind careless gateways.
        return isGzip(bytes) ? gunzipSync(bytes, options) : bytes;
      case 'gzip':
      case 'x-gzip':
        return gunzipSync(bytes, options);
      case 'br':
        return brotliDecompressSync(bytes, options);
      case 'deflate':
        // RFC 9110 §8.4.1.2 means the zlib format; some servers send bare deflate under that name. The first byte tells.
        return (bytes[0]! & 0x0f) === 8 ? inflateSync(bytes, options) : inflateRawSync(bytes, options);
      default:
        return undefined;
    }
  } catch {
    return undefined;
  }
}

function isGzip(bytes: Buffer): boolean {
  return bytes.length > 2 && bytes[0] === 0x1f && bytes[1] === 0x8b;
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
    const texts = Object.values(rule.body).map((wanted) => (Array.isArray(wanted) ? wanted : [wanted])).find((values) => values.every((value) => typeof value === 'string'));
    if (texts === undefined) return undefined;
    needles.push(...texts.map((text) => Buffer.from(text)));
  }
  return needles;
}

function parseJson(bytes: Buffer): unknown {
  try {
    // TextDecoder drops a byte order mark. UTF-16 is not JSON by RFC 8259, but it can be told by its mark.
    const utf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
    const text = new TextDecoder(utf16 ? (bytes[0] === 0xff ? 'utf-16le' : 'utf-16be') : 'utf-8').decode(bytes);
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
