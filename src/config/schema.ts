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
  .refine((text) => isHostname(new URL(text).hostname), { error: 'must name one host: "*" and "{…}" have no meaning there', abort: true })
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
const ownField = z.string().regex(/^[A-Za-z0-9-]{1,100}$/, { error: 'must be the name of a header', abort: true }).refine((field) => !EVERYBODYS_FIELD.test(field), 'every client or browser sends this header field by itself: choose one that none sends, such as X-Tokenward-Request');

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
  port: port.optional().describe('Default: 8080 without a socket; with a socket, no port.'),
  socket: socketPath.optional().describe('Path of a Unix socket to listen on instead of host and port; if port is set, both are served.'),
  socketMode: socketMode.prefault('0660').describe('File mode of the socket, as octal digits in quotes: who may connect.'),
  engine: z.enum(['fast', 'express']).default('fast').describe('What reads requests without TLS: the fast engine, with Express for all that is not plain, or Express alone.'),
  hosts: hosts.describe('With callers: none, accepted Host names besides localhost and IP addresses. "*": any.'),
  requireHeader: ownField.optional().describe('A header field that every request must have, with any value.'),
  tls: z.strictObject({
    certFile: file.describe('The certificate with its chain, PEM. Reloaded when it changes.'),
    keyFile: file.describe('Its private key, PEM.'),
    clientCaFile: file.optional().describe('The certificate authority for client certificates, PEM. Enables callers[].certificate.'),
    clientCrlFile: file.optional()
      .describe('The revocation list (CRL) of that authority, PEM. Reloaded when it changes.'),
    clientCertificate: z.enum(['optional', 'required']).default('optional'),
    minVersion: z.enum(['TLSv1.2', 'TLSv1.3']).default('TLSv1.2'),
  }).optional().describe('HTTPS on the port.'),
}).transform(({ port: named, ...listen }) => {
  return { ...listen, port: named ?? (listen.socket === undefined ? DEFAULT_PORT : undefined) };
}).prefault({});
const operatorListener = z.strictObject({
  host: z.string().min(1).default('127.0.0.1'),
  port: port.default(DEFAULT_OPERATOR_PORT),
  hosts: hosts.describe('Accepted Host names besides localhost and IP addresses. "*": any.'),
  key: keyDigest.optional().describe('Digest of the key that is required to act on this port. Reading needs no key.'),
  allowAnonymous: z.boolean().default(false).describe('true: allow renewals without a key although other hosts can reach the port.'),
}).prefault({});
/** How an upstream's certificate is checked, and what we show it. */
const upstreamTls = z.strictObject({
  caFile: file.optional().describe('Trust these certificate authorities instead of the usual ones, PEM.'),
  certFile: file.optional().describe('The client certificate that tokenward presents, PEM.'),
  keyFile: file.optional().describe('Its private key, PEM.'),
  minVersion: z.enum(['TLSv1.2', 'TLSv1.3']).default('TLSv1.2'),
}).refine((tls) => (tls.certFile === undefined) === (tls.keyFile === undefined), 'certFile and keyFile go together');
const method = z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const policyRule = z.strictObject({
  methods: z.array(method).min(1).optional(),
  path: z.string().regex(/^\/[^?#]*$/, 'must be a path that begins with /').optional().describe('Whole path segments, and everything below them; "*" stands for one segment.'),
}).refine((rule) => rule.methods !== undefined || rule.path !== undefined, 'needs methods or a path');

const hostPort = z.string().regex(/^(\[[0-9A-Fa-f:]+\]|[^:\s]+):\d{1,5}$/, 'must be host:port');
const store = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('embedded'),
    path: z.string().min(1).default('./data').describe('Directory of the store; created if it does not exist.'),
    key: storeKey.optional().describe('32 random bytes, hex or base64, that encrypt the stored tokens. Default: a key generated next to the store.'),
    retiredKeys: z.array(storeKey).default([]).describe('Earlier keys, which still decrypt the records they encrypted.'),
  }),
  z.strictObject({
    type: z.literal('redis'),
    url: z.url({ protocol: /^rediss?$/, error: 'must be a redis:// or rediss:// URL' }).optional().describe('One server. The password goes into password, not into the URL.'),
    sentinel: z.strictObject({ name: z.string().min(1).describe('The name of the master.'), nodes: z.array(hostPort).min(1), password: z.string().optional().describe('The password of the sentinels.') }).optional().describe('A master behind Sentinel.'),
    cluster: z.strictObject({ nodes: z.array(hostPort).min(1) }).optional().describe('A Redis Cluster, given by some of its nodes.'),
    username: z.string().optional().describe('ACL user.'),
    password: z.string().optional(),
    tls: z.strictObject({ caFile: file.optional(), certFile: file.optional(), keyFile: file.optional() }).optional().describe('TLS settings; they enable TLS without a rediss:// URL.'),
    key: storeKey.describe('32 random bytes, hex or base64, that encrypt the stored tokens; the same for all replicas.'),
    retiredKeys: z.array(storeKey).default([]),
    keyPrefix: z.string().regex(/^[A-Za-z0-9:._-]{1,50}$/, 'must be 1 to 50 letters, digits, ":", ".", "_" or "-"').default('tokenward'),
    commandTimeout: duration.prefault('500ms'),
    waitReplicas: z.number().int().min(0).max(10).default(0).describe('How many Redis replicas a write waits for (WAIT).'),
  }).refine((redis) => [redis.url, redis.sentinel, redis.cluster].filter((one) => one !== undefined).length === 1, 'needs exactly one of url, sentinel, cluster'),
]).prefault({ type: 'embedded' });

const accountPattern = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}\*?$|^\*$/, 'must be the name of an account, or the beginning of one followed by "*"');

const caller = z.strictObject({
  name,
  key: keyDigest.optional(),
  certificate: z.string().min(1).optional()
    .describe('A DNS or URI subject alternative name of the client certificate; without any, the common name.'),
  jwt: z.string().min(1).optional().describe('The value of the claim jwt.claim in the caller\'s JWT, such as system:serviceaccount:shop:backend.'),
  routes: z.array(z.string()).min(1).optional().describe('Prefixes of the routes that the caller may use. Default: all.'),
  account: name.optional().describe('The caller\'s own account, on routes with accountFrom.'),
  accounts: z.array(accountPattern).min(1).optional().describe('Accounts the caller may name in the header of accountFrom; "*": all that the route allows. Default: only its own account, or all that the route allows if it has none.'),
}).refine((one) => one.key !== undefined || one.certificate !== undefined || one.jwt !== undefined, 'needs a key, a certificate or a jwt');

const jwt = z.strictObject({
  issuer: z.string().min(1),
  audience: z.string().min(1),
  jwks: z.string().min(1).refine(isKeySet, 'must be an https:// URL (http:// only for this host itself) or the path of a file: who can change it can sign for every caller').describe('The issuer\'s JWKS: an https URL, or the path of a file.'),
  claim: z.string().min(1).default('sub'),
});

/** One account. */
export const accountSchema = z.strictObject({
  flow: z.string().min(1).describe('A preset (softline, chatapp, twin, oauth2, oauth2-refresh, static) or a name below flows.'),
  credentials: z.record(z.string(), z.unknown()).default({}),
  baseUrl: httpUrl.optional().describe('The base URL of login and refresh, instead of the flow\'s default.'),
  attach: attachSchema.optional().describe('Overrides how the flow attaches the token.'),
  budget: budgetSchema.optional().describe('Overrides the flow\'s login budget.'),
  lifetime: lifetimeSchema.optional(),
  rotationGrace: rotationGraceSchema.optional(),
  renew: z.enum(['early', 'on-demand']).optional(),
  tls: upstreamTls.optional().describe('TLS to the token endpoint.'),
  formerName: name.optional().describe('The account\'s former name: its stored token is taken over, so that renaming costs no login.'),
});

/** Accounts by name. */
export const accountsSchema = z.record(name, accountSchema);

const accountFrom = z.strictObject({
  flow: z.string().min(1).describe('The flow of all these accounts.'),
  header: z.string().regex(/^[A-Za-z0-9-]{1,100}$/, 'must be the name of a header').optional().describe('The header field in which the client names the account; it is not forwarded.'),
  allow: z.array(accountPattern).min(1).optional().describe('Accounts that may be named. Default: all of the flow.'),
});

const route = z.strictObject({
  prefix: z.string().regex(/^\/([A-Za-z0-9._~@-]+(\/[A-Za-z0-9._~@-]+)*)?$/, 'must be a plain path such as /crm, without a slash at its end'),
  upstream: httpUrl,
  account: name.optional().describe('The account whose token is attached. Default: requests are forwarded without a token.'),
  accountFrom: accountFrom.optional().describe('The request selects the account: the caller\'s own, or one named in a header field.'),
  maxReplayBody: bytes.refine((value) => value <= 8 * 1024 ** 2, 'must be at most 8 MiB').default(1024 ** 2).describe('Request bodies up to this size are kept for replay; larger ones are streamed once.'),
  maxBody: bytes.optional().describe('Larger request bodies are refused with 413. Default: no limit.'),
  replay: z.boolean().default(true).describe('Replay the request after a renewal. false: renew, and relay the upstream\'s response.'),
  legacyLogin: z.enum(['refuse', 'answer', 'forward']).default('refuse').describe('What happens to a client\'s own login at the upstream.'),
  timeouts: z.strictObject({
    connect: duration.prefault('3s'),
    firstByte: duration.prefault('30s').describe('Until the first byte of the response.'),
    idle: duration.prefault('30s').describe('Between two pieces of the response. 0: no limit.'),
    streamIdle: duration.prefault('5m').describe('The same for event streams (text/event-stream). 0: no limit.'),
  }).prefault({}),
  maxConnections: z.number().int().min(1).max(10_000).default(64),
  freshConnection: z.boolean().default(false).describe('A new connection for every request: for an upstream that is not trusted.'),
  policy: z.strictObject({
    mode: z.enum(['enforce', 'report']).default('enforce').describe('report: forward everything, and count what would be refused.'),
    allow: z.array(policyRule).min(1).optional()
      .describe('Only these requests are forwarded; default: all. Matches only paths that every server reads alike.'),
    deny: z.array(policyRule).default([]).describe('These requests are never forwarded, nor any spelling that a server might read as one of them.'),
  }).optional().describe('Which requests may be forwarded.'),
  encodedPaths: z.enum(['refuse', 'pass']).default('refuse')
    .describe('Ambiguous paths: encoded slashes or dots, or two leading slashes. pass: for an API whose ids need them.'),
  forwarded: z.enum(['drop', 'pass', 'add']).default('drop').describe('The client\'s Forwarded and X-Forwarded-*: dropped, passed unchanged, or replaced by X-Forwarded-For, -Host and -Proto of tokenward\'s own.'),
  methodOverride: z.enum(['drop', 'pass']).default('drop').describe('Fields such as X-HTTP-Method-Override and X-Original-URL, which replace the method or target of the request line. pass: forwarded, and the policy judges them as well.'),
  headers: routeHeadersSchema.optional()
    .describe('Header fields added to every request, replacing the client\'s own fields of these names.'),
  setCookie: z.enum(['drop', 'pass']).default('drop').describe('What happens to the upstream\'s Set-Cookie. Its cookies belong to a session that all callers share.'),
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
  listen: listener.describe('The listener for client applications.'),
  operator: operatorListener.describe('The operator port: health, metrics, status and a page.'),
  workers: workers.default(1).describe('Worker processes on this host. auto: one per core.'),
  store,
  callers: z.union([z.literal('none'), z.array(caller).min(1)], { error: 'must be none, or a list of callers' }).default('none').describe('Who may call. none: no authentication.'),
  jwt: jwt.optional().describe('Accept JWTs from callers, such as Kubernetes service-account tokens.'),
  egressProxy: z.union([z.enum(['environment', 'none']), z.url({ protocol: /^https?$/, error: EGRESS_FORM })], { error: EGRESS_FORM }).default('environment').describe('The corporate proxy for outgoing connections: environment (HTTPS_PROXY, HTTP_PROXY, NO_PROXY), none, or a URL. Never used for this host.'),
  allowAnonymous: z.boolean().default(false).describe('true: allow callers: none although other hosts can reach the listener.'),
  flows: z.record(name, z.union([flowSchema, z.looseObject({ extends: z.string() })])).default({}).describe('Your own flows; "extends" starts from a preset or from another flow.'),
  accounts: accountsSchema.default({}),
  accountsFrom: z.strictObject({
    directory: z.string().min(1).optional().describe('A directory of YAML or JSON files, each a mapping like accounts.'),
    file: z.string().min(1).optional().describe('A generated file: one JSON object a line, with name and the keys of an account.'),
  }).optional().describe('More accounts, from separate files.'),
  routes: z.array(route).min(1),
  limits: z.strictObject({
    bufferedBytes: bytes.default(128 * 1024 ** 2).describe('Memory for kept request bodies, in total; beyond it bodies are streamed and not replayed.'),
    inFlight: z.number().int().min(1).default(5_000).describe('Concurrent requests; further ones get 503.'),
    inFlightPerRoute: z.number().int().min(1).optional().describe('Concurrent requests per route. Default: half of inFlight if there are several routes.'),
    inFlightPerCaller: z.number().int().min(1).optional().describe('Concurrent requests per caller. Default if there are several callers: half of inFlight or of waitingPerAccount, whichever is less.'),
    waitingPerAccount: z.number().int().min(1).default(2_000),
    accountsInMemory: z.number().int().min(100).default(20_000).describe('Accounts of accountsFrom.file whose tokens are kept in memory; others are read from the store when used.'),
    headerBytes: bytes.refine((value) => value >= 1024 && value <= 1024 ** 2, 'must be 1 KiB to 1 MiB').default(16 * 1024).describe('Size limit of request line and header fields together; more gets 431.'),
    bodyIdle: duration.prefault('30s').describe('A request body that stops arriving for this long gets 408. 0: no limit.'),
    readIdle: duration.prefault('120s').describe('A client that reads nothing of the response for this long is disconnected. 0: no limit.'),
  }).prefault({}),
  shutdown: z.strictObject({
    delay: duration.prefault('0s').describe('After the signal, time during which /readyz says no and connections are still accepted, so that a load balancer notices.'),
    drain: duration.prefault('20s').describe('Time for requests in flight to end.'),
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
