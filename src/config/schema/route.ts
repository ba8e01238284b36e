import { z } from 'zod';
import { routeHeadersSchema } from './route-headers.ts';
import { upstreamTls } from './upstream-tls.ts';
import { accountPattern, bytes, duration, hostname, httpUrlPattern, name } from './values.ts';

const method = z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const policyRule = z
  .strictObject({
    methods: z.array(method).min(1).optional(),
    path: z
      .string()
      .regex(/^\/[^?#]*$/, 'must be a path that begins with /')
      .optional()
      .describe('Whole path segments, and everything below them; "*" stands for one segment.'),
  })
  .refine((rule) => rule.methods !== undefined || rule.path !== undefined, 'needs methods or a path');

const accountFrom = z.strictObject({
  flow: z.string().min(1).describe('The flow of all these accounts.'),
  header: z
    .string()
    .regex(/^[A-Za-z0-9-]{1,100}$/, 'must be the name of a header')
    .optional()
    .describe('The header field in which the client names the account; it is not forwarded.'),
  allow: z.array(accountPattern).min(1).optional().describe('Accounts that may be named. Default: all of the flow.'),
});

const protocol = z
  .string()
  .regex(
    /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}(\/[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100})?$/,
    'must be the name of a protocol, such as websocket',
  )
  .transform((text) => text.toLowerCase())
  .refine(
    (text) => !/^(h2c?|http|tls)(\/|$)/.test(text),
    'cannot be passed on: HTTP/2 and TLS hide requests from policy and token',
  );

/**
 * The name of a route in metrics, logs and `callers[].routes`: its host and its prefix, as far as it has them.
 * Undefined: it has neither.
 */
export function routeName(host: string | undefined, prefix: string | undefined): string | undefined {
  if (host === undefined) return prefix;
  return prefix === undefined || prefix === '/' ? host.toLowerCase() : host.toLowerCase() + prefix;
}

/** One of `routes`, as it is written. */
const written = z.strictObject({
  prefix: z
    .string()
    .regex(
      /^\/([A-Za-z0-9._~@-]+(\/[A-Za-z0-9._~@-]+)*)?$/,
      'must be a plain path such as /crm, without a slash at its end',
    )
    .optional()
    .describe('The beginning of request paths, which is not forwarded. With a host it may be left out.'),
  host: hostname
    .optional()
    .describe("The Host of requests: the vendor's own name, for an application whose URL cannot be changed."),
  upstream: httpUrlPattern,
  account: name
    .optional()
    .describe('The account whose token is attached. Default: requests are forwarded without a token.'),
  accountFrom: accountFrom
    .optional()
    .describe("The request selects the account: the caller's own, or one named in a header field."),
  maxReplayBody: bytes
    .refine((value) => value <= 8 * 1024 ** 2, 'must be at most 8 MiB')
    .default(1024 ** 2)
    .describe('Request bodies up to this size are kept for replay; larger ones are streamed once.'),
  spill: z
    .strictObject({
      path: z.string().min(1).describe('An existing folder for files, which have no name there.'),
      most: bytes
        .refine((value) => value >= 1024 ** 2, 'must be at least 1 MiB')
        .describe('Bytes of all spilled bodies of the process together; beyond it they are streamed.'),
    })
    .optional()
    .describe('Keep bodies beyond maxReplayBody in sealed files, so that they can be replayed. Default: no.'),
  maxBody: bytes.optional().describe('Larger request bodies are refused with 413. Default: no limit.'),
  maxInspectedBody: bytes
    .refine((value) => value >= 1024 && value <= 1024 ** 2, 'must be 1 KiB to 1 MiB')
    .optional()
    .describe(
      'Responses up to this size, also when they are unpacked, are inspected for a rejected token. ' +
        'Default: 64 KiB; of compressed JSON 16 KiB.',
    ),
  replay: z
    .boolean()
    .default(true)
    .describe("Replay the request after a renewal. false: renew, and relay the upstream's response."),
  legacyLogin: z
    .enum(['refuse', 'answer', 'forward'])
    .default('refuse')
    .describe("What happens to a client's own login at the upstream."),
  timeouts: z
    .strictObject({
      connect: duration.prefault('3s'),
      firstByte: duration.prefault('30s').describe('Until the first byte of the response.'),
      idle: duration.prefault('30s').describe('Between two pieces of the response. 0: no limit.'),
      streamIdle: duration.prefault('5m').describe('The same for event streams (text/event-stream). 0: no limit.'),
      upgradeIdle: duration
        .prefault('10m')
        .describe('Of an upgraded connection, in both directions together. 0: no limit.'),
    })
    .prefault({}),
  maxConnections: z.number().int().min(1).max(10_000).default(64),
  freshConnection: z
    .boolean()
    .default(false)
    .describe('A new connection for every request: for an upstream that is not trusted.'),
  policy: z
    .strictObject({
      mode: z
        .enum(['enforce', 'report'])
        .default('enforce')
        .describe('report: forward everything, and count what would be refused.'),
      allow: z
        .array(policyRule)
        .min(1)
        .optional()
        .describe('Only these requests are forwarded; default: all. Matches only paths that every server reads alike.'),
      deny: z
        .array(policyRule)
        .default([])
        .describe('These requests are never forwarded, nor any spelling that a server might read as one of them.'),
    })
    .optional()
    .describe('Which requests may be forwarded.'),
  encodedPaths: z
    .enum(['refuse', 'pass'])
    .default('refuse')
    .describe(
      'Ambiguous paths: encoded slashes or dots, or two leading slashes. ' + 'pass: for an API whose ids need them.',
    ),
  forwarded: z
    .enum(['drop', 'pass', 'add'])
    .default('drop')
    .describe(
      "The client's Forwarded and X-Forwarded-*: dropped, passed unchanged, or replaced by X-Forwarded-For, " +
        "-Host and -Proto of tokenward's own.",
    ),
  requestId: z
    .enum(['pass', 'add'])
    .default('pass')
    .describe("The client's X-Request-Id: passed unchanged; or replaced by, and if missing added, the request's id."),
  methodOverride: z
    .enum(['drop', 'pass'])
    .default('drop')
    .describe(
      'Fields such as X-HTTP-Method-Override and X-Original-URL, which replace the method or target of the ' +
        'request line. pass: forwarded, and the policy judges them as well.',
    ),
  headers: routeHeadersSchema
    .optional()
    .describe("Header fields added to every request, replacing the client's own fields of these names."),
  setCookie: z
    .enum(['drop', 'pass'])
    .default('drop')
    .describe("What happens to the upstream's Set-Cookie. Its cookies belong to a session that all callers share."),
  earlyHints: z
    .enum(['drop', 'pass'])
    .default('drop')
    .describe("What happens to the upstream's 103 Early Hints. Many HTTP clients take one for the response itself."),
  upgrade: z
    .array(protocol)
    .default([])
    .describe('Protocols that a client may change to, such as websocket. Default: none.'),
  tls: upstreamTls.optional(),
});

/** One of `routes`, with its name. */
export const route = written.transform(({ host, prefix, ...settings }, context) => {
  const lowerHost = host?.toLowerCase();
  const name = routeName(lowerHost, prefix);
  if (name === undefined) {
    context.addIssue({ code: 'custom', path: ['prefix'], message: 'is missing: a route needs a prefix or a host' });
    return z.NEVER;
  }
  return { ...settings, host: lowerHost, prefix: prefix ?? '/', name };
});
