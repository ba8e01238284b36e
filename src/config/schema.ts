import { resolve } from 'node:path';
import { z } from 'zod';
import { isLoopback } from '../loopback.ts';
import { milliseconds } from '../flows/duration.ts';
import { attachSchema, budgetSchema, flowSchema, lifetimeSchema, rotationGraceSchema } from '../flows/flow.ts';
import { routeHeadersSchema } from './route-headers.ts';

/** What names look like: of accounts, callers and flows. */
export const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
export const NAME_FORM = 'must be a name of letters, digits, ".", "_" and "-", at most 100 characters';
const name = z.string().regex(NAME, NAME_FORM);
/** The ports if the configuration names none. */
export const DEFAULT_PORT = 8080;
export const DEFAULT_OPERATOR_PORT = 9090;

const PORT_FORM = 'must be a port number, 0 to 65535';
/** A number, or its digits: what comes from the environment is text. */
const port = z.union([z.int(), z.string().regex(/^\d{1,5}$/, PORT_FORM)], { error: PORT_FORM }).transform(Number)
  .refine((value) => value >= 0 && value <= 65_535, PORT_FORM);
const httpUrl = z.url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL', abort: true })
  .refine((text) => isHostname(new URL(text).hostname), { error: 'must name one host: "*" and "{…}" stand for nothing there', abort: true })
  .refine(isPlainUrl, 'must have no user, password, query or fragment');
const BYTE_UNITS: Readonly<Record<string, number>> = { '': 1, b: 1, kib: 1024, mib: 1024 ** 2, gib: 1024 ** 3 };

/** Bytes: a number, or text like `1 MiB`. */
const BYTES_FORM = 'must be a whole number of bytes, or such as "64 KiB" or "8 MiB"';
const bytes = z.union([z.int().min(0), z.string().regex(/^\d+\s*(b|kib|mib|gib)?$/i, BYTES_FORM)], { error: BYTES_FORM })
  .transform((value) => (typeof value === 'number' ? value : Number.parseInt(value, 10) * BYTE_UNITS[value.replace(/^\d+\s*/, '').toLowerCase()]!));
/** Milliseconds inside. */
const duration = milliseconds
  // A timer of more than 24.8 days fires at once.
  .refine((value) => value <= 24 * 3_600_000, 'must be at most 24h');
/** The path of a file. */
const file = z.string().min(1);
/** The same 32 bytes as src/tokens/seal.ts reads: asked here too, so that `check` finds a key that cannot work. */
const storeKey = z.string().regex(/^\s*([0-9a-fA-F]{64}|[A-Za-z0-9+/_-]{43}=?)\s*$/, 'must be 32 random bytes, as 64 hex digits or base64; make one with: openssl rand -base64 32');

const keyDigest = z.string().regex(/^sha256:[0-9a-fA-F]{64}$/, 'must be a digest "sha256:<64 hex digits>"; make one with: tokenward hash-key');
/** Names a browser may call a listener by. */
const hosts = z.array(z.string().regex(/^([A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*|\*)$/, 'must be a host name without a port, or "*"')).default([]);
/** A page of another site cannot send a field of any other name without the browser asking first. */
const EVERYBODYS_FIELD = /^(accept|accept-(encoding|language|charset)|connection|content-(language|length|type)|cookie|host|origin|range|referer|user-agent|sec-.*|save-data|dnt|te)$/i;
const ownField = z.string().regex(/^[A-Za-z0-9-]{1,100}$/, { error: 'must be the name of a header', abort: true }).refine((field) => !EVERYBODYS_FIELD.test(field), 'every client or browser sends this header of its own accord: choose one that none does, such as X-Tokenward-Request');

/** What fits into a socket's address beside the zero at its end, in bytes. A longer path would be cut in silence. */
const SOCKET_PATH_MOST = process.platform === 'darwin' ? 103 : 107;
const SOCKET_PATH_LONG = `is too long for a socket: as an absolute path it may have ${SOCKET_PATH_MOST} bytes`;
const socketPath = z.string().min(1)
  .refine((path) => !/[\x00-\x1f\x7f]/.test(path), { error: 'must be the path of a file', abort: true })
  // Absolute, because the process that binds it may not be the one that has read it.
  .transform((path) => resolve(path))
  .refine((path) => Buffer.byteLength(path) <= SOCKET_PATH_MOST, SOCKET_PATH_LONG);
/** How its mode is written. The owner must be able to connect: that is how a socket nobody uses any more is known. */
export const SOCKET_MODE = /^0?[67][0-7]{2}$/;
const SOCKET_MODE_FORM = 'must be an octal mode in quotes that lets the owner read and write, such as "0660"';
const socketMode = z.string().regex(SOCKET_MODE, SOCKET_MODE_FORM)
  .transform((text) => Number.parseInt(text, 8));

const listener = z.strictObject({
  host: z.string().min(1).default('127.0.0.1'),
  port: port.optional().describe('8080, if there is no socket either. With a socket: none unless it is named.'),
  socket: socketPath.optional().describe('A Unix socket, instead of host and port; beside them if port is named too.'),
  socketMode: socketMode.prefault('0660').describe('Who may connect to the socket: its file mode, as octal digits.'),
  engine: z.enum(['fast', 'express']).default('fast').describe('What reads requests without TLS: the fast engine, with Express for all that is not plain, or Express alone.'),
  hosts: hosts.describe('With callers: none, host names by which callers may call, beside localhost and addresses. "*": any.'),
  requireHeader: ownField.optional().describe('A header that every request must have, with any value.'),
  tls: z.strictObject({
    certFile: file.describe('The certificate with its chain, PEM. Read again when it changes.'),
    keyFile: file.describe('Its private key, PEM.'),
    clientCaFile: file.optional().describe('Who signs callers\' certificates. With it, callers may be known by their certificate.'),
    clientCrlFile: file.optional()
      .describe('Revoked certificates among them: the authority\'s revocation list, PEM. Read again when it changes.'),
    clientCertificate: z.enum(['optional', 'required']).default('optional'),
    minVersion: z.enum(['TLSv1.2', 'TLSv1.3']).default('TLSv1.2'),
  }).optional().describe('HTTPS for the callers.'),
}).transform(({ port: named, ...listen }) => {
  return { ...listen, port: named ?? (listen.socket === undefined ? DEFAULT_PORT : undefined) };
}).prefault({});
const operatorListener = z.strictObject({
  host: z.string().min(1).default('127.0.0.1'),
  port: port.default(DEFAULT_OPERATOR_PORT),
  hosts: hosts.describe('Host names by which it may be called, beside localhost and addresses. "*": any.'),
  key: keyDigest.optional().describe('The digest of a key that whoever acts here must show. Looking needs none.'),
  allowAnonymous: z.boolean().default(false).describe('Says aloud that renewals without a key are meant although others than this host can reach the port.'),
}).prefault({});
/** How an upstream's certificate is checked, and what we show it. */
const upstreamTls = z.strictObject({
  caFile: file.optional().describe('Trust these certificate authorities instead of the usual ones, PEM.'),
  certFile: file.optional().describe('Our client certificate, PEM.'),
  keyFile: file.optional().describe('Its private key, PEM.'),
  minVersion: z.enum(['TLSv1.2', 'TLSv1.3']).default('TLSv1.2'),
}).refine((tls) => (tls.certFile === undefined) === (tls.keyFile === undefined), 'certFile and keyFile go together');
const method = z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const policyRule = z.strictObject({
  methods: z.array(method).min(1).optional(),
  path: z.string().regex(/^\/[^?#]*$/, 'must be a path that begins with /').optional().describe('Whole segments, and everything below; "*" stands for one segment.'),
}).refine((rule) => rule.methods !== undefined || rule.path !== undefined, 'needs methods or a path');

const hostPort = z.string().regex(/^(\[[0-9A-Fa-f:]+\]|[^:\s]+):\d{1,5}$/, 'must be host:port');
const store = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('embedded'),
    path: z.string().min(1).default('./data').describe('Folder of the store; made if it is not there.'),
    key: storeKey.optional().describe('32 random bytes, hex or base64, that seal the tokens. Without it a key is made beside the store.'),
    retiredKeys: z.array(storeKey).default([]).describe('Earlier keys, so that what they sealed still opens.'),
  }),
  z.strictObject({
    type: z.literal('redis'),
    url: z.url({ protocol: /^rediss?$/, error: 'must be a redis:// or rediss:// URL' }).optional().describe('One server. A password belongs into password, not here.'),
    sentinel: z.strictObject({ name: z.string().min(1).describe('Of the master.'), nodes: z.array(hostPort).min(1), password: z.string().optional().describe('Of the sentinels.') }).optional().describe('A master found by these sentinels.'),
    cluster: z.strictObject({ nodes: z.array(hostPort).min(1) }).optional().describe('A Redis Cluster, some of its nodes.'),
    username: z.string().optional().describe('ACL user.'),
    password: z.string().optional(),
    tls: z.strictObject({ caFile: file.optional(), certFile: file.optional(), keyFile: file.optional() }).optional().describe('TLS, also without a rediss:// URL.'),
    key: storeKey.describe('32 random bytes, hex or base64, that seal the tokens; the same for all replicas.'),
    retiredKeys: z.array(storeKey).default([]),
    keyPrefix: z.string().regex(/^[A-Za-z0-9:._-]{1,50}$/, 'must be 1 to 50 letters, digits, ":", ".", "_" or "-"').default('tokenward'),
    commandTimeout: duration.prefault('500ms'),
    waitReplicas: z.number().int().min(0).max(10).default(0).describe('Replicas that must have a new token before it is used (WAIT).'),
  }).refine((redis) => [redis.url, redis.sentinel, redis.cluster].filter((one) => one !== undefined).length === 1, 'needs exactly one of url, sentinel, cluster'),
]).prefault({ type: 'embedded' });

const accountPattern = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}\*?$|^\*$/, 'must be the name of an account, or the beginning of one followed by "*"');

const caller = z.strictObject({
  name,
  key: keyDigest.optional(),
  certificate: z.string().min(1).optional()
    .describe('A DNS or URI alternative name of the certificate it shows; without any, its common name.'),
  jwt: z.string().min(1).optional().describe('The claim (jwt.claim) of the token he shows, such as system:serviceaccount:shop:backend.'),
  routes: z.array(z.string()).min(1).optional().describe('Prefixes this caller may use; all if not given.'),
  account: name.optional().describe('Its own account, on routes with accountFrom.'),
  accounts: z.array(accountPattern).min(1).optional().describe('Accounts it may name in the header of accountFrom; "*": all that the route allows. If not given: none besides its own account, or all that the route allows if it has none of its own.'),
}).refine((one) => one.key !== undefined || one.certificate !== undefined || one.jwt !== undefined, 'needs a key, a certificate or a jwt to be known by');

const jwt = z.strictObject({
  issuer: z.string().min(1),
  audience: z.string().min(1),
  jwks: z.string().min(1).refine(isKeySet, 'must be an https:// URL (http:// only for this host itself) or the path of a file: who can change it can sign for every caller').describe('The issuer\'s key set: an https URL, or the path of a file.'),
  claim: z.string().min(1).default('sub'),
});

/** One account. */
export const accountSchema = z.strictObject({
  flow: z.string().min(1).describe('A preset (softline, chatapp, twin, oauth2, oauth2-refresh, static) or a name below flows.'),
  credentials: z.record(z.string(), z.unknown()).default({}),
  baseUrl: httpUrl.optional().describe('Where login and refresh go, instead of the flow\'s default.'),
  attach: attachSchema.optional().describe('Overrides how the flow carries the token.'),
  budget: budgetSchema.optional().describe('Overrides the flow\'s login budget.'),
  lifetime: lifetimeSchema.optional(),
  rotationGrace: rotationGraceSchema.optional(),
  renew: z.enum(['early', 'on-demand']).optional(),
  tls: upstreamTls.optional().describe('For the token endpoint.'),
  formerName: name.optional().describe('What the account was called before: its stored token is taken over instead of a login.'),
});

/** Accounts by name. */
export const accountsSchema = z.record(name, accountSchema);

const accountFrom = z.strictObject({
  flow: z.string().min(1).describe('The flow of all these accounts.'),
  header: z.string().regex(/^[A-Za-z0-9-]{1,100}$/, 'must be the name of a header').optional().describe('The caller names the account in this header, which goes no further.'),
  allow: z.array(accountPattern).min(1).optional().describe('Accounts that may be named; all of the flow if not given.'),
});

const route = z.strictObject({
  prefix: z.string().regex(/^\/([A-Za-z0-9._~@-]+(\/[A-Za-z0-9._~@-]+)*)?$/, 'must be a plain path such as /crm, without a slash at its end'),
  upstream: httpUrl,
  account: name.optional().describe('Whose token goes on the requests; without it they are forwarded without one.'),
  accountFrom: accountFrom.optional().describe('The account depends on the request: the caller\'s own, or one that he names in a header.'),
  maxReplayBody: bytes.refine((value) => value <= 8 * 1024 ** 2, 'must be at most 8 MiB').default(1024 ** 2).describe('Bodies up to this size are kept so that they can be sent again; larger ones stream once.'),
  maxBody: bytes.optional().describe('Larger request bodies are refused with 413. No limit by default.'),
  replay: z.boolean().default(true).describe('Send the request again after a renewal. Off: renew, and hand the caller the upstream\'s own answer.'),
  legacyLogin: z.enum(['refuse', 'answer', 'forward']).default('refuse').describe('What a caller gets who tries to log in to the upstream itself.'),
  timeouts: z.strictObject({
    connect: duration.prefault('3s'),
    firstByte: duration.prefault('30s').describe('Until the upstream\'s reply begins.'),
    idle: duration.prefault('30s').describe('Between two pieces of a reply. 0: no limit.'),
    streamIdle: duration.prefault('5m').describe('The same for event streams (text/event-stream). 0: no limit.'),
  }).prefault({}),
  maxConnections: z.number().int().min(1).max(10_000).default(64),
  freshConnection: z.boolean().default(false).describe('A connection of its own for every request: for an upstream that may send bytes nobody asked for.'),
  policy: z.strictObject({
    mode: z.enum(['enforce', 'report']).default('enforce').describe('report: let everything pass, and count what would be refused.'),
    allow: z.array(policyRule).min(1).optional()
      .describe('Only these calls; all if not given. Met only by paths that everybody reads alike.'),
    deny: z.array(policyRule).default([]).describe('Never these calls, nor what a server might take for one of them.'),
  }).optional().describe('Which calls may go out.'),
  encodedPaths: z.enum(['refuse', 'pass']).default('refuse')
    .describe('Paths with encoded slashes or dots, or with two slashes first. pass: for an API whose ids need them.'),
  forwarded: z.enum(['drop', 'pass', 'add']).default('drop').describe('Forwarded and X-Forwarded-* of the caller: not sent on, sent on as they are, or replaced by our own X-Forwarded-For, -Host and -Proto.'),
  methodOverride: z.enum(['drop', 'pass']).default('drop').describe('Fields such as X-HTTP-Method-Override and X-Original-URL, which say another method or target than the first line. pass: sent on, after the policy has judged them too.'),
  headers: routeHeadersSchema.optional()
    .describe('Header fields that go along with every request, in place of the caller\'s own of these names.'),
  setCookie: z.enum(['drop', 'pass']).default('drop').describe('The upstream\'s cookies belong to the account\'s session, which callers share.'),
  tls: upstreamTls.optional(),
});

/** An http or https URL that carries no user and password, and names one host. */
export function isUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, hostname } = new URL(text);
  return (protocol === 'http:' || protocol === 'https:') && username === '' && password === '' && isHostname(hostname);
}

/** The URL standard lets "*" and "{" pass in a host; no name server knows such a one. */
function isHostname(hostname: string): boolean {
  return /^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])$/.test(hostname);
}

/** The same, with nothing behind the path: something can be appended to it. */
export function isPlainUrl(text: string): boolean {
  return isUrl(text) && new URL(text).search === '' && new URL(text).hash === '';
}

/** The path of a file, or a URL that nobody on the way can answer in the issuer's place. */
function isKeySet(text: string): boolean {
  if (!/^[A-Za-z][A-Za-z0-9+.-]*:/.test(text)) return true;
  if (!isUrl(text)) return false;
  const { protocol, hostname } = new URL(text);
  return protocol === 'https:' || isLoopback(hostname);
}

const WORKERS_FORM = 'must be auto, or a number of processes from 1 to 256';
const workers = z.union([z.literal('auto'), z.int(), z.string().regex(/^\d{1,3}$/, WORKERS_FORM)], { error: WORKERS_FORM })
  .transform((value) => (value === 'auto' ? value : Number(value)))
  .refine((value) => value === 'auto' || (value >= 1 && value <= 256), WORKERS_FORM);

const EGRESS_FORM = 'must be environment, none, or the URL of a proxy';

export const configSchema = z.strictObject({
  listen: listener.describe('Where legacy apps call.'),
  operator: operatorListener.describe('Health, metrics, status and the page.'),
  workers: workers.default(1).describe('Processes that share the work on this host. auto: one for each core.'),
  store,
  callers: z.union([z.literal('none'), z.array(caller).min(1)], { error: 'must be none, or a list of callers' }).default('none').describe('Who may call: "none" asks nobody for a key.'),
  jwt: jwt.optional().describe('Callers may show a JWT, such as a Kubernetes service-account token.'),
  egressProxy: z.union([z.enum(['environment', 'none']), z.url({ protocol: /^https?$/, error: EGRESS_FORM })], { error: EGRESS_FORM }).default('environment').describe('The corporate proxy on the way out: from HTTPS_PROXY and NO_PROXY, none, or this one. Never for this host itself.'),
  allowAnonymous: z.boolean().default(false).describe('Says aloud that callers: none is meant although others than this host can reach the listener.'),
  flows: z.record(name, z.union([flowSchema, z.looseObject({ extends: z.string() })])).default({}).describe('Flows of your own; "extends" starts from a preset or from another one of them.'),
  accounts: accountsSchema.default({}),
  accountsFrom: z.strictObject({
    directory: z.string().min(1).optional().describe('A folder of YAML or JSON files, each a mapping like accounts.'),
    file: z.string().min(1).optional().describe('A generated file: one JSON object a line, with name and the keys of an account.'),
  }).optional().describe('More accounts, from files of their own.'),
  routes: z.array(route).min(1),
  limits: z.strictObject({
    bufferedBytes: bytes.default(128 * 1024 ** 2).describe('All kept request bodies together; beyond it bodies stream and are not replayed.'),
    inFlight: z.number().int().min(1).default(5_000).describe('Requests being answered at once; one more gets a 503 at once.'),
    inFlightPerRoute: z.number().int().min(1).optional().describe('Of those, how many may be one route\'s. Default: half of inFlight where there are several routes.'),
    inFlightPerCaller: z.number().int().min(1).optional().describe('Of those, how many may be one caller\'s. Default where there are several callers: half of inFlight or of waitingPerAccount, whichever is less.'),
    waitingPerAccount: z.number().int().min(1).default(2_000),
    accountsInMemory: z.number().int().min(100).default(20_000).describe('Accounts whose tokens are kept in memory; others are read from the store when used.'),
    headerBytes: bytes.refine((value) => value >= 1024 && value <= 1024 ** 2, 'must be 1 KiB to 1 MiB').default(16 * 1024).describe('A request\'s line and header fields together; more is refused with 431.'),
    bodyIdle: duration.prefault('30s').describe('A caller whose request body stands still for this long gets a 408. 0: no limit.'),
    readIdle: duration.prefault('120s').describe('A caller who takes nothing of his answer for this long is cut off. 0: no limit.'),
  }).prefault({}),
  shutdown: z.strictObject({
    delay: duration.prefault('0s').describe('Not ready, but still accepting: so that a load balancer notices.'),
    drain: duration.prefault('20s').describe('Time for running requests to end.'),
  }).prefault({}),
  log: z.strictObject({
    level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
  }).prefault({}),
});

/** A configuration as it stands after expansion, with every default filled in. */
export type Config = z.infer<typeof configSchema>;
export type RouteConfig = Config['routes'][number];
export type AccountConfig = Config['accounts'][string];
export type CallerConfig = Exclude<Config['callers'], 'none'>[number];

/** JSON Schema of the configuration, for editors (`tokenward schema`). */
export function jsonSchema(): unknown {
  return z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any', reused: 'ref' });
}
