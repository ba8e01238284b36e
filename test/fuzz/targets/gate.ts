import assert from 'node:assert/strict';
import { TokenwardError } from '../../../src/errors.ts';
import type { InboundRequest } from '../../../src/http/server/exchange.ts';
import { SiteGuard } from '../../../src/http/server/site-guard.ts';
import { toOriginForm } from '../../../src/proxy/absolute-form.ts';
import { requestFieldFilter, requestHeaders } from '../../../src/proxy/headers.ts';
import { compilePolicy, evaluatePolicy, policyError } from '../../../src/proxy/policy.ts';
import { byLongestPrefix, matchRoute, upstreamTarget, type Route } from '../../../src/proxy/route.ts';
import { checkEncodedPath } from '../../../src/proxy/target.ts';
import { checkRequest } from '../../../src/proxy/validate.ts';
import { RequestStream } from '../../hostile/strict-reader.ts';
import { hashOf, type Target } from '../target.ts';
import { attachmentWith } from '../../support/attachment.ts';
import { COVERS } from './covers.ts';

const VIA = 'tokenward-4711';
const SECRET = 'Zanzibar-77-lantern';
const guard = new SiteGuard(['proxy.example'], '127.0.0.1');

/** The parts of a route that the steps up to the policy read. */
const ROUTES = [
  { prefix: '', basePath: '', encodedPaths: 'refuse' },
  { prefix: '/api', basePath: '/base/v2', encodedPaths: 'refuse' },
  { prefix: '/api/deep', basePath: '', encodedPaths: 'refuse' },
  { prefix: '/pass', basePath: '/base', encodedPaths: 'pass' },
]
  .map(
    ({ prefix, basePath, encodedPaths }) =>
      ({
        prefix,
        basePath,
        name: prefix || '/',
        host: 'upstream.example',
        config: { encodedPaths },
        dropsField: requestFieldFilter({ forwarding: false, overrides: false, extra: [] }),
      }) as unknown as Route,
  )
  .sort(byLongestPrefix);

const DENIED = ['admin', 'keys'];
const ALLOWED = ['public'];

/** A request written as in HTTP, but with lines that end in LF: whatever is in it gets to the gate. */
function requestIn(text: string): InboundRequest {
  const [first = '', ...lines] = text.split('\n');
  const [method = '', url = '', version = '1.1'] = first.split(' ');
  const rawHeaders = lines.flatMap((line) => {
    const colon = line.indexOf(':');
    return colon === -1 ? [line, ''] : [line.slice(0, colon), line.slice(colon + 1).replace(/^ /, '')];
  });
  const field = (name: string): string | undefined => {
    for (let i = 0; i < rawHeaders.length; i += 2) if (rawHeaders[i]!.toLowerCase() === name) return rawHeaders[i + 1];
    return undefined;
  };
  return {
    method,
    url,
    httpVersion: version,
    rawHeaders,
    validated: false,
    socket: {},
    field,
  } as unknown as InboundRequest;
}

/** Refuses like the request path does; anything but a TokenwardError is a fault. */
function passes(check: () => void): boolean {
  try {
    check();
    return true;
  } catch (error) {
    if (!(error instanceof TokenwardError)) throw error;
    assert.ok(!error.message.includes(SECRET), 'an error quotes the request');
    return false;
  }
}

/** A target that was let in: a plain path that every reader of URLs finds on this host, with no step upwards. */
function checkTargetRules(target: string): void {
  assert.match(target, /^\/(?!\/)[\x21\x22\x24-\x7e]*$/, 'not a plain path');
  const [path] = target.split('?', 1) as [string];
  const url = new URL(target, 'http://host.example');
  assert.equal(url.host, 'host.example', 'a target of another host');
  assert.equal(url.pathname, path, 'a reader of URLs finds another path');
}

/** Fields that were let in: one host, one framing, no byte that ends a line. */
function checkFieldRules({ rawHeaders, httpVersion }: InboundRequest): void {
  const all = (wanted: RegExp): string[] => rawHeaders.filter((_, i) => i % 2 === 1 && wanted.test(rawHeaders[i - 1]!));
  const lengths = all(/^content[-_]length$/i);
  const codings = all(/^transfer[-_]encoding$/i);
  const hosts = all(/^host$/i);
  assert.ok(hosts.length === 1 || (hosts.length === 0 && httpVersion === '1.0'), 'not one Host');
  assert.ok(lengths.length + codings.length <= 1, 'two framings');
  for (const length of lengths) assert.match(length, /^\d+$/, 'a length that is no number');
  for (const coding of codings) assert.match(coding, /^chunked$/i, 'another coding');
  for (const value of all(/^/)) assert.ok(!/[\0\r\n]/.test(value), 'a control byte');
  for (const value of all(/^via$/i)) assert.ok(!value.includes(VIA), 'a loop');
}

const decoded = (text: string): string =>
  text.replaceAll(/%([0-9a-f]{2})/gi, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));

/** A path without encoded structure: however often a server decodes it, its segments stay the same. */
function checkStructure(path: string): void {
  const count = path.split('/').length;
  for (let text = path, times = 0; times < 8; times += 1) {
    assert.equal(text.split(/[/\\]/).length, count, 'a decoded path has other segments');
    assert.ok(!/[\0-\x1f\x7f]/.test(text), 'a decoded path holds a control byte');
    assert.ok(!text.split('/').some((part) => /^\.{1,2}(;|$)/.test(part)), 'a decoded path goes upwards');
    text = decoded(text);
  }
}

/** How servers read a path: decoded so often, parameters kept or not, dots resolved, backslashes as slashes. */
function readings(path: string): string[][] {
  const found: string[][] = [];
  for (let text = path, times = 0; times < 4; times += 1) {
    const parts = text.toLowerCase().split(/[/\\]/);
    for (const kept of [parts, parts.map((part) => part.replace(/;.*$/s, ''))]) {
      const resolved: string[] = [];
      for (const part of kept) {
        if (part === '..') resolved.pop();
        else if (part !== '' && part !== '.') resolved.push(part);
      }
      found.push(resolved);
    }
    text = decoded(text);
  }
  return found;
}

const startsWith = (parts: readonly string[], wanted: readonly string[]): boolean =>
  wanted.every((part, index) => parts[index] === part);

/** Another spelling of the same path: one letter of it percent-encoded (RFC 3986 §6.2.2.2: equivalent). */
function respelt(path: string): string {
  const places = [...path].flatMap((letter, index) =>
    /[A-Za-z0-9]/.test(letter) && !/%.?$/.test(path.slice(Math.max(0, index - 2), index)) ? [index] : [],
  );
  if (places.length === 0) return path;
  const at = places[hashOf(Buffer.from(path)) % places.length]!;
  return `${path.slice(0, at)}%${path.charCodeAt(at).toString(16)}${path.slice(at + 1)}`;
}

/** No spelling of a denied path passes, and what is allowed is below the allowed path for every server. */
function checkPolicy(route: Route, method: string, path: string): void {
  const base = route.basePath.split('/').filter((part) => part !== '');
  const deny = compilePolicy({ deny: [{ path: `/${DENIED.join('/')}` }] }, route.basePath);
  const allow = compilePolicy({ allow: [{ path: `/${ALLOWED.join('/')}` }], deny: [] }, route.basePath);
  const denied = evaluatePolicy(deny, method, path);
  const allowed = evaluatePolicy(allow, method, path);
  for (const reading of readings(path)) {
    if (startsWith(reading, [...base, ...DENIED])) assert.equal(denied, 'denied', 'a denied path passes');
  }
  // Rules compare segments without path parameters, so a server that knows none gets them below what is allowed.
  for (const reading of readings(path.replaceAll(/(;|%3b)[^/]*/gi, '')))
    if (allowed === undefined) assert.ok(startsWith(reading, [...base, ...ALLOWED]), 'another path than the allowed');
  const same = respelt(path);
  assert.equal(evaluatePolicy(deny, method, same), denied, 'another spelling, another verdict of deny');
  assert.equal(evaluatePolicy(allow, method, same), allowed, 'another spelling, another verdict of allow');
  if (denied !== undefined) assert.equal(policyError(deny, denied, route.name, method, path).code, 'policy_refused');
}

const ATTACHED = attachmentWith({ headers: ['authorization', 'Bearer token'] });

/** What leaves for the upstream is exactly one request for the strict reader, and holds nothing of the client's own. */
function checkForwarded(request: InboundRequest, route: Route, target: string): void {
  const fields = requestHeaders(request.rawHeaders, route, ATTACHED, VIA);
  let text = `${request.method!} ${target} HTTP/1.1\r\n`;
  for (let i = 0; i < fields.length; i += 2) text += `${fields[i]!}: ${fields[i + 1]!}\r\n`;
  const stream = new RequestStream();
  const [seen, ...more] = stream.feed(Buffer.from(`${text}\r\n`, 'latin1'));
  assert.equal(stream.fault, undefined, 'what leaves is not one plain request');
  assert.ok(seen !== undefined && more.length === 0 && stream.rest.length === 0, 'what leaves is not one request');
  assert.deepEqual([seen.method, seen.target], [request.method, target]);
  const named = (wanted: RegExp): readonly string[] =>
    seen.fields.filter(([name]) => wanted.test(name)).map(([, value]) => value);
  assert.deepEqual(named(/^host$/i), ['upstream.example'], 'another Host');
  assert.deepEqual(named(/^authorization$/i), ['Bearer token'], 'another Authorization');
  for (const gone of [
    /^(connection|keep-alive|te|trailer|transfer-encoding|upgrade|expect|content-length|proxy-.*)$/i,
    /^x[-_]?(tokenward[-_]key|api[-_]key|http[-_]method[-_]override|original[-_]url|forwarded.*)$/i,
    /^(forwarded|refresh)$/i,
  ])
    assert.deepEqual(named(gone), [], `the client's ${String(gone)} leaves`);
}

/** Names that no parser lets through: those of a request are tokens. */
const isToken = (name: string): boolean => /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name);

export const gate: Target = {
  name: 'gate',
  covers: COVERS['gate']!,
  maxBytes: 2_048,
  words: [
    'GET /api/admin/keys',
    '/base/v2/admin/keys',
    '/public',
    '/pass/',
    '/api/deep/',
    '%2e%2e/',
    '%252e',
    '%2f',
    '%5c',
    '%c0%ae',
    '%00',
    '..;/',
    './/',
    '\nHost: a',
    '\nContent-Length: 5',
    '\nTransfer-Encoding: chunked',
    '\nConnection: x-a, close',
    '\nX-Http-Method-Override: DELETE',
    '\nOrigin: http://proxy.example',
    '\nVia: 1.1 tokenward-4711',
    '\nAuthorization: Bearer Zanzibar-77-lantern',
    'http://proxy.example/',
  ],
  run(bytes) {
    const request = requestIn(bytes.toString('latin1'));
    toOriginForm(request, { guard, header: undefined });
    if (!passes(() => checkRequest(request, VIA, { guard, header: undefined }))) return;
    const target = request.url!;
    checkTargetRules(target);
    checkFieldRules(request);
    assert.ok(request.validated, 'let in and not marked');
    const [path] = target.split('?', 1) as [string];
    const route = matchRoute(ROUTES, target)!;
    const longest = ROUTES.map(({ prefix }) => prefix)
      .filter((prefix) => path === prefix || path.startsWith(`${prefix}/`))
      .sort((a, b) => b.length - a.length)[0];
    assert.equal(route.prefix, longest, 'another route');
    if (route.config.encodedPaths === 'refuse' && !passes(() => checkEncodedPath(target, route))) return;
    const forwarded = upstreamTarget(route, target);
    const [forwardedPath] = forwarded.split('?', 1) as [string];
    checkTargetRules(forwarded);
    assert.ok(forwarded.startsWith(`${route.basePath}/`), 'outside the path of the upstream');
    assert.ok(forwarded.endsWith(target.slice(route.prefix.length)), 'other bytes behind the prefix');
    if (route.config.encodedPaths === 'refuse') checkStructure(forwardedPath);
    checkPolicy(route, request.method!, forwardedPath);
    if (request.rawHeaders.every((name, index) => index % 2 === 1 || isToken(name)))
      checkForwarded(request, route, forwarded);
  },
};
