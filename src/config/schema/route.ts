import { z } from 'zod';
import { routeHeadersSchema } from './route-headers.ts';
import { upstreamTls } from './upstream-tls.ts';
import { accountPattern, bytes, duration, httpUrl, name } from './values.ts';

const method = z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const policyRule = z.strictObject({
  methods: z.array(method).min(1).optional(),
  path: z.string().regex(/^\/[^?#]*$/, 'must be a path that begins with /').optional()
    .describe('Whole segments, and everything below; "*" stands for one segment.'),
}).refine((rule) => rule.methods !== undefined || rule.path !== undefined, 'needs methods or a path');

const accountFrom = z.strictObject({
  flow: z.string().min(1).describe('The flow of all these accounts.'),
  header: z.string().regex(/^[A-Za-z0-9-]{1,100}$/, 'must be the name of a header').optional()
    .describe('The caller names the account in this header, which goes no further.'),
  allow: z.array(accountPattern).min(1).optional()
    .describe('Accounts that may be named; all of the flow if not given.'),
});

/** One of `routes`. */
export const route = z.strictObject({
  prefix: z.string().regex(
    /^\/([A-Za-z0-9._~@-]+(\/[A-Za-z0-9._~@-]+)*)?$/, 'must be a plain path such as /crm, without a slash at its end'),
  upstream: httpUrl,
  account: name.optional().describe('Whose token goes on the requests; without it they are forwarded without one.'),
  accountFrom: accountFrom.optional()
    .describe('The account depends on the request: the caller\'s own, or one that he names in a header.'),
  maxReplayBody: bytes.refine((value) => value <= 8 * 1024 ** 2, 'must be at most 8 MiB').default(1024 ** 2)
    .describe('Bodies up to this size are kept so that they can be sent again; larger ones stream once.'),
  maxBody: bytes.optional().describe('Larger request bodies are refused with 413. No limit by default.'),
  replay: z.boolean().default(true)
    .describe('Send the request again after a renewal. Off: renew, and hand the caller the upstream\'s own answer.'),
  legacyLogin: z.enum(['refuse', 'answer', 'forward']).default('refuse')
    .describe('What a caller gets who tries to log in to the upstream itself.'),
  timeouts: z.strictObject({
    connect: duration.prefault('3s'),
    firstByte: duration.prefault('30s').describe('Until the upstream\'s reply begins.'),
    idle: duration.prefault('30s').describe('Between two pieces of a reply. 0: no limit.'),
    streamIdle: duration.prefault('5m').describe('The same for event streams (text/event-stream). 0: no limit.'),
  }).prefault({}),
  maxConnections: z.number().int().min(1).max(10_000).default(64),
  freshConnection: z.boolean().default(false)
    .describe('A connection of its own for every request: for an upstream that may send bytes nobody asked for.'),
  policy: z.strictObject({
    mode: z.enum(['enforce', 'report']).default('enforce')
      .describe('report: let everything pass, and count what would be refused.'),
    allow: z.array(policyRule).min(1).optional()
      .describe('Only these calls; all if not given. Met only by paths that everybody reads alike.'),
    deny: z.array(policyRule).default([]).describe('Never these calls, nor what a server might take for one of them.'),
  }).optional().describe('Which calls may go out.'),
  encodedPaths: z.enum(['refuse', 'pass']).default('refuse')
    .describe('Paths with encoded slashes or dots, or with two slashes first. pass: for an API whose ids need them.'),
  forwarded: z.enum(['drop', 'pass', 'add']).default('drop')
    .describe('Forwarded and X-Forwarded-* of the caller: not sent on, sent on as they are, or replaced by our own '
      + 'X-Forwarded-For, -Host and -Proto.'),
  methodOverride: z.enum(['drop', 'pass']).default('drop')
    .describe('Fields such as X-HTTP-Method-Override and X-Original-URL, which say another method or target than the '
      + 'first line. pass: sent on, after the policy has judged them too.'),
  headers: routeHeadersSchema.optional()
    .describe('Header fields that go along with every request, in place of the caller\'s own of these names.'),
  setCookie: z.enum(['drop', 'pass']).default('drop')
    .describe('The upstream\'s cookies belong to the account\'s session, which callers share.'),
  tls: upstreamTls.optional(),
});
