import type { AccessEntry } from './access-log.ts';

/** Needs no escape in JSON, and is ASCII. */
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

let second = 0;
let secondText = '';

/**
 * One line of JSON. The names are those of the Elastic Common Schema, with `tokenward.` before what it has no name for.
 * Put together by hand: a serializer that visits twenty members costs three times as much. `worker`: its number.
 */
export function jsonAccessLine(entry: AccessEntry, worker?: number): string {
  const { method, path, query, status, durationMs, errorCode, errorSource, ownMs } = entry;
  let line =
    `{"@timestamp":"${timestamp(entry.at)}","log.level":"info","event.dataset":"tokenward.access",` +
    `"http.request.id":"${entry.requestId}"`;
  if (entry.traceId !== undefined) line += `,"trace.id":"${entry.traceId}"`;
  if (entry.client !== undefined) line += `,"client.address":"${entry.client}"`;
  if (entry.caller !== undefined) line += `,"tokenward.caller":${quote(entry.caller)}`;
  if (entry.route !== undefined) line += `,"tokenward.route":${quote(entry.route)}`;
  if (entry.account !== undefined) line += `,"tokenward.account":${quote(entry.account)}`;
  if (method !== undefined) line += `,"http.request.method":${quote(method)}`;
  if (path !== undefined) line += `,"url.path":${quote(path)}`;
  if (query !== undefined) line += `,"url.query":${quote(query)}`;
  line += `,"http.response.status_code":${status},"event.outcome":"${isFailure(entry) ? 'failure' : 'success'}"`;
  if (errorCode !== undefined) line += `,"error.code":"${errorCode}"`;
  if (errorSource !== undefined) line += `,"tokenward.error_source":"${errorSource}"`;
  if (entry.generation !== undefined) line += `,"tokenward.generation":${entry.generation}`;
  line +=
    `,"tokenward.attempts":${entry.attempts},"event.duration":${Math.round(durationMs * 1e6)}` +
    `,"tokenward.token_wait_ms":${rounded(entry.tokenWaitMs)},"tokenward.upstream_ms":${rounded(entry.upstreamMs)}`;
  if (ownMs !== undefined) line += `,"tokenward.own_ms":${rounded(ownMs)}`;
  line += `,"http.request.body.bytes":${entry.bytesIn},"http.response.body.bytes":${entry.bytesOut}`;
  if (entry.upstreamRequestId !== undefined)
    line += `,"tokenward.upstream_request_id":${quote(entry.upstreamRequestId)}`;
  if (worker !== undefined) line += `,"tokenward.worker":${worker}`;
  return `${line}}\n`;
}

/** Whether the client did not get what it asked for. */
export function isFailure({ status, errorSource }: Pick<AccessEntry, 'status' | 'errorSource'>): boolean {
  return status >= 400 || errorSource !== undefined;
}

function quote(text: string): string {
  if (PLAIN.test(text)) return `"${text}"`;
  return JSON.stringify(text).replaceAll(
    /[\x7f-\uffff]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** To the microsecond. */
function rounded(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

/** ISO 8601 in UTC; what comes before the milliseconds is kept for a second. */
function timestamp(at: number): string {
  const whole = Math.floor(at / 1000);
  if (whole !== second) {
    second = whole;
    secondText = new Date(whole * 1000).toISOString().slice(0, 20);
  }
  const ms = Math.floor(at) - whole * 1000;
  return `${secondText}${ms < 10 ? '00' : ms < 100 ? '0' : ''}${ms}Z`;
}
