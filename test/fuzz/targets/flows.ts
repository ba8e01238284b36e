import assert from 'node:assert/strict';
import { UpstreamResponse } from '../../../src/http/client/response.ts';
import { attachProblem } from '../../../src/flows/attach.ts';
import { parseJson } from '../../../src/flows/content.ts';
import { flowSchema, type Flow } from '../../../src/flows/flow.ts';
import { pointed } from '../../../src/flows/pointer.ts';
import { numberOf, secondsOf, secondsUntil } from '../../../src/flows/notations.ts';
import { PRESETS } from '../../../src/flows/presets.ts';
import { buildRequest } from '../../../src/flows/request.ts';
import { retryAfterOf } from '../../../src/flows/response.ts';
import { runCall } from '../../support/run-call.ts';
import { fillString, fillUrl, UnfillableError } from '../../../src/flows/template.ts';
import { describeRejection, rejectedTokenRule, rejectsToken } from '../../../src/proxy/inspect.ts';
import { isTokenText } from '../../../src/tokens/token.ts';
import { piecesOf, type Target } from '../target.ts';
import { COVERS } from './covers.ts';

const NOW = Date.UTC(2026, 0, 1);
const SECRET = 'Zanzibar-77-lantern';
/** So much of a secret in a row must not appear in a text for people. */
const QUOTED = 6;
const VALUES = {
  username: 'user@shop.example',
  email: 'user@shop.example',
  password: SECRET,
  clientSecret: SECRET,
  refreshToken: SECRET,
  appId: '4711',
  tokenUrl: 'https://login.example/token',
  clientId: 'client',
  ttl: 600,
};

/** Rules of every kind, as an own flow may have them. */
const OWN = flowSchema.parse({
  credentials: { password: 'required' },
  login: {
    url: 'https://login.example/x/{password}?a=b',
    query: { q: '{password}' },
    headers: { 'X-Secret': '{password?}' },
    form: { p: '{password}', fixed: 'x' },
    basic: 'user:{password}',
    answer: {
      token: '/data/*/token',
      tokenType: '/type',
      refreshToken: '/data/0/refresh~1token',
      expiresIn: '/in',
      expiresAt: '/at',
      refreshExpiresIn: '/r~0in',
      refreshExpiresAt: '/rat',
    },
    refused: [{ header: { 'X-Why': ['bad', 'worse'] }, format: 'any' }, { status: '4xx' }],
  },
  busy: [{ status: [503, '4xx'], body: { '/a/*/*/b': [1, 'x', null, false] }, wait: '5s' }],
  attach: { cookie: 'session', value: '{token}' },
  invalid: [
    { status: '4xx', header: { 'X-Why': 'expired' } },
    { body: { '/*/*/code': [1007, 'expired'], '/__proto__/x': 'y' } },
    { status: 200, unlessHeader: { 'X-Why': 'fine' }, body: { '/error': 'invalid_token' } },
  ],
});

const FLOWS: Readonly<Record<string, Flow>> = { ...PRESETS, own: OWN };
const RULES = Object.entries(FLOWS).flatMap(([name, { invalid }]) => {
  const rule = rejectedTokenRule(invalid);
  return rule === undefined ? [] : [{ name, rule }];
});

/** What every object has. Nothing that is read may add to it. */
const PROTOTYPES = [Object.prototype, Array.prototype, String.prototype, Function.prototype];
const membersOf = (): string => PROTOTYPES.map((one) => Reflect.ownKeys(one).map(String).join()).join('|');
const MEMBERS = membersOf();

/** A response: its status, its fields, an empty line, its body. Lines end in LF. */
interface Answer {
  readonly status: number;
  readonly fields: readonly string[];
  readonly body: Buffer;
}

function answerIn(bytes: Buffer): Answer {
  const text = bytes.toString('latin1');
  const end = text.indexOf('\n\n');
  const [first = '', ...lines] = (end === -1 ? text : text.slice(0, end)).split('\n');
  const status = /^[1-5]\d\d$/.test(first) ? Number(first) : 200;
  const fields = lines.flatMap((line) => {
    const [name = '', ...value] = line.split(':');
    return [name, withoutBlanks(value.join(':'))];
  });
  return { status, fields, body: end === -1 ? Buffer.alloc(0) : bytes.subarray(end + 2) };
}

/** A field's value, as a parser gives it. A pattern for this would take quadratic time. */
function withoutBlanks(text: string): string {
  let [from, to] = [0, text.length];
  const isBlank = (at: number): boolean => text[at] === ' ' || text[at] === '\t';
  while (from < to && isBlank(from)) from += 1;
  while (to > from && isBlank(to - 1)) to -= 1;
  return text.slice(from, to);
}

function headersOf({ fields }: Answer): Record<string, string> {
  const headers: Record<string, string> = Object.create(null) as Record<string, string>;
  for (let i = 0; i < fields.length; i += 2) headers[fields[i]!.toLowerCase()] ??= fields[i + 1]!;
  return headers;
}

/** No text for people repeats a part of a secret. */
function checkText(text: string): void {
  for (let at = 0; at + QUOTED <= SECRET.length; at += 1)
    assert.ok(!text.includes(SECRET.slice(at, at + QUOTED)), `a text repeats a secret`);
  assert.ok(text.length < 4_096, 'a text of boundless length');
}

/** A number of seconds, or nothing. */
function checkSeconds(seconds: number | undefined): void {
  assert.ok(seconds === undefined || !Number.isNaN(seconds), 'not a number');
}

/** Whatever a token endpoint responds with, a call has an outcome, and it is one that the response can have. */
async function checkCall(name: string, flow: Flow, answer: Answer): Promise<void> {
  for (const calls of [flow.login, flow.refresh]) {
    if (calls === undefined) continue;
    const raw = { status: answer.status, headers: headersOf(answer), body: answer.body.toString('utf8') };
    const outcome = await runCall(
      calls,
      flow,
      flow.baseUrl,
      VALUES,
      async () => raw,
      () => NOW,
    );
    assert.notEqual(outcome.kind, 'impossible', `${name}: the response makes the call impossible`);
    if (outcome.kind === 'granted') {
      const { secret, refreshSecret, lifetime, refreshLifetime } = outcome.grant;
      assert.ok(
        isTokenText(secret) && attachProblem(flow, { ...VALUES, ...outcome.grant.values, token: secret }) === undefined,
        `${name}: a token that cannot be sent`,
      );
      assert.ok(refreshSecret === undefined || isTokenText(refreshSecret), `${name}: no refresh token`);
      assert.ok(answer.status >= 200 && answer.status < 300, `${name}: granted by a refusal`);
      checkSeconds(lifetime);
      checkSeconds(refreshLifetime);
    } else {
      if (outcome.kind === 'busy' || outcome.kind === 'failed') checkSeconds(outcome.retryAfter);
      // The media type is shown as it is.
      const [type = ''] = (raw.headers['content-type'] ?? '').split(';', 1);
      checkText(JSON.stringify(outcome).replace(type.trim().toLowerCase(), ''));
    }
  }
}

/** Whether a response rejects a token is the same however it arrives, and its description is ours alone. */
async function checkRejection({ status, fields, body }: Answer): Promise<void> {
  for (const { name, rule } of RULES) {
    const whole = new UpstreamResponse(
      () => undefined,
      () => undefined,
    );
    whole.onHead({ status, reason: '', headers: [...fields] });
    if (body.length > 0) whole.onBody(body);
    whole.onEnd();
    const verdict = rejectsToken(rule, 'GET', whole);
    assert.equal(typeof verdict, 'boolean', `${name}: waits for a complete response`);

    const slow = new UpstreamResponse(
      () => undefined,
      () => undefined,
    );
    slow.onHead({ status, reason: '', headers: [...fields] });
    const waited = rejectsToken(rule, 'GET', slow);
    for (const piece of piecesOf(body)) if (piece.length > 0) slow.onBody(piece);
    slow.onEnd();
    assert.equal(await waited, verdict, `${name}: another verdict in pieces`);
    if (verdict === true) checkText(describeRejection(rule, whole));
  }
}

/** A pointer leads to what is in the document, and to nothing that every object has. */
function checkPointers(json: unknown, pointers: readonly string[]): void {
  for (const pointer of pointers)
    for (const found of pointed(json, pointer))
      assert.ok(
        ['string', 'number', 'boolean', 'object'].includes(typeof found) &&
          !PROTOTYPES.includes(found as (typeof PROTOTYPES)[number]),
        'a pointer leads out of the document',
      );
}

/** Whatever a refresh token or password is, the request goes to the endpoint and holds it in one place each. */
function checkRequest(text: string): void {
  for (const flow of Object.values(FLOWS))
    for (const call of [...(flow.login ?? []), ...(flow.refresh ?? [])]) {
      const values = { ...VALUES, password: text, refreshToken: text };
      let built;
      try {
        built = buildRequest(call, flow.baseUrl, values);
      } catch (error) {
        if (!(error instanceof UnfillableError)) throw error;
        continue;
      }
      const { protocol, host, hash } = new URL(built.url);
      assert.ok(protocol === 'https:' && hash === '', 'another kind of address');
      assert.equal(host, new URL(flow.baseUrl ?? 'https://login.example').host, 'another host');
      for (const value of Object.values(built.headers)) assert.match(value, /^[\t\x20-\x7e]*$/, 'a broken field');
      if (call.json !== undefined) assert.equal(typeof JSON.parse(built.body!), 'object');
      if (call.form !== undefined)
        for (const name of new URLSearchParams(built.body).keys())
          assert.ok(Object.hasOwn(call.form, name), 'a field that the flow does not have');
    }
}

export const flows: Target = {
  name: 'flows',
  covers: COVERS['flows']!,
  maxBytes: 4_096,
  // A response of a token endpoint may be 1 MiB long.
  runs: [4_000, 40_000, 300_000],
  words: [
    '200\n\n',
    '401\n',
    '\nContent-Type: application/json',
    '\nContent-Encoding: gzip',
    '\nRetry-After: 5',
    '\nDate: Thu, 01 Jan 2026 00:00:00 GMT',
    '{"token":"abc"}',
    '{"access_token":"abc","token_type":"Bearer","expires_in":3600}',
    '{"success":false,"error":{"code":"ApiInvalidTokenError"}}',
    '{"errors":[{"error":1007}]}',
    '/Date(1767225600000)/',
    '2026-01-01T00:00:00Z',
    'PT1H',
    'expired',
    '"__proto__":',
    '"constructor":',
    '/*/~1~0',
    '{name=x}',
    SECRET,
    '\xef\xbb\xbf',
    '\xff\xfe',
    '\x1f\x8b\x08',
  ],
  async run(bytes) {
    const answer = answerIn(bytes);
    const text = answer.body.toString('utf8');
    const json = parseJson(text);
    for (const [name, flow] of Object.entries(FLOWS)) await checkCall(name, flow, answer);
    await checkRejection(answer);
    const strings = textsIn(json);
    if (json !== undefined) checkPointers(json, [...strings, ...answer.fields]);
    for (const one of [text, ...strings, ...answer.fields, json]) {
      checkSeconds(secondsOf(one));
      checkSeconds(secondsUntil(one, NOW));
      checkSeconds(numberOf(one));
    }
    checkSeconds(retryAfterOf({ status: answer.status, headers: headersOf(answer), body: '' }, NOW));
    for (const one of strings) {
      checkRequest(one);
      try {
        fillString(one, VALUES);
        fillUrl(one, VALUES);
      } catch (error) {
        if (!(error instanceof UnfillableError)) throw error;
        checkText(error.message.replaceAll(/\{[^}]*\}/g, ''));
      }
    }
    assert.equal(membersOf(), MEMBERS, 'a prototype has another member');
  },
};

/** Most texts of one document that are looked at one by one. */
const MAX_TEXTS = 8;

/** The first texts of a document. */
function textsIn(json: unknown): string[] {
  const found: string[] = [];
  const queue = [json];
  for (let at = 0; at < queue.length && at < 100 && found.length < MAX_TEXTS; at += 1) {
    const item = queue[at];
    if (typeof item === 'string') found.push(item);
    else if (typeof item === 'object' && item !== null) queue.push(...(Object.values(item) as unknown[]).slice(0, 100));
  }
  return found;
}
