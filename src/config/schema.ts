import { z } from 'zod';
import { attachSchema, budgetSchema, flowSchema } from '../flows/flow.ts';

const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, 'must be a name of letters, digits, ".", "_" and "-", at most 100 characters');
const port = z.coerce.number().int().min(0).max(65_535);
const httpUrl = z.url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL' });
const BYTE_UNITS: Readonly<Record<string, number>> = { '': 1, b: 1, kib: 1024, mib: 1024 ** 2, gib: 1024 ** 3 };
const MILLISECOND_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Bytes: a number, or text like `1 MiB`. */
const bytes = z.union([z.number().int().min(0), z.string().regex(/^\d+\s*(b|kib|mib|gib)?$/i, 'must be a number of bytes, or such as "64 KiB" or "8 MiB"')])
  .transform((value) => (typeof value === 'number' ? value : Number.parseInt(value, 10) * BYTE_UNITS[value.replace(/^\d+\s*/, '').toLowerCase()]!));
/** Durations: text like `500ms`, `30s`, `5m`, `1h`; a bare number is seconds. Milliseconds inside. */
const duration = z.union([z.number().min(0), z.string().regex(/^\d+(\.\d+)?\s*(ms|s|m|h)?$/, 'must be seconds, or such as "500ms", "30s", "5m", "1h"')])
  .transform((value) => (typeof value === 'number' ? value * 1000 : Number.parseFloat(value) * MILLISECOND_UNITS[value.replace(/^[\d.]+\s*/, '') || 's']!));

const listener = (host: string, number: number) => z.strictObject({
  host: z.string().min(1).default(host),
  port: port.default(number),
}).prefault({});

const store = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('embedded'),
    path: z.string().min(1).default('./data').describe('Folder of the store; made if it is not there.'),
    key: z.string().min(1).optional().describe('32 random bytes, hex or base64, that seal the tokens. Without it a key is made beside the store.'),
    retiredKeys: z.array(z.string().min(1)).default([]).describe('Earlier keys, so that what they sealed still opens.'),
  }),
]).prefault({ type: 'embedded' });

const caller = z.strictObject({
  name,
  key: z.string().regex(/^sha256:[0-9a-fA-F]{64}$/, 'must be a digest "sha256:<64 hex digits>"; make one with: tokenward hash-key'),
  routes: z.array(z.string()).min(1).optional().describe('Prefixes this caller may use; all if not given.'),
});

const account = z.strictObject({
  flow: z.string().min(1).describe('A preset (softline, chatapp, twin, oauth2, static) or a name below flows.'),
  credentials: z.record(z.string(), z.unknown()).default({}),
  baseUrl: httpUrl.optional().describe('Where login and refresh go, instead of the flow\'s default.'),
  attach: attachSchema.optional().describe('Overrides how the flow carries the token.'),
  budget: budgetSchema.optional().describe('Overrides the flow\'s login budget.'),
  lifetime: z.number().int().min(1).optional(),
  rotationGrace: z.number().int().min(0).max(600).optional(),
  renew: z.enum(['early', 'on-demand']).optional(),
});

const route = z.strictObject({
  prefix: z.string().regex(/^\/([A-Za-z0-9._~@-]+(\/[A-Za-z0-9._~@-]+)*)?$/, 'must be a plain path such as /crm, without a slash at its end'),
  upstream: httpUrl.refine((text) => !URL.canParse(text) || isPlainUpstream(new URL(text)), 'must have no user, password, query or fragment'),
  account: name.optional().describe('Whose token goes on the requests; without it they are forwarded without one.'),
  maxReplayBody: bytes.refine((value) => value <= 8 * 1024 ** 2, 'must be at most 8 MiB').default(1024 ** 2).describe('Bodies up to this size are kept so that they can be sent again; larger ones stream once.'),
  maxBody: bytes.optional().describe('Larger request bodies are refused with 413. No limit by default.'),
  replay: z.boolean().default(true).describe('Send the request again after a renewal. Off: renew, and hand the caller the upstream\'s own answer.'),
  legacyLogin: z.enum(['refuse', 'answer', 'forward']).default('refuse').describe('What a caller gets who tries to log in to the upstream itself.'),
  timeouts: z.strictObject({
    connect: duration.prefault('3s'),
    firstByte: duration.prefault('30s').describe('Until the upstream\'s reply begins.'),
    idle: duration.prefault('30s').describe('Between two pieces of a reply. 0: none, as for event streams.'),
  }).prefault({}),
  maxConnections: z.number().int().min(1).max(10_000).default(64),
});

function isPlainUpstream(url: URL): boolean {
  return url.username === '' && url.password === '' && url.search === '' && url.hash === '';
}

export const configSchema = z.strictObject({
  listen: listener('127.0.0.1', 8080).describe('Where legacy apps call.'),
  operator: listener('127.0.0.1', 9090).describe('Health, metrics, status and the page.'),
  store,
  callers: z.union([z.literal('none'), z.array(caller).min(1)]).default('none').describe('Who may call: "none" asks nobody for a key.'),
  allowAnonymous: z.boolean().default(false).describe('Says aloud that callers: none is meant although others than this host can reach the listener.'),
  flows: z.record(name, z.union([flowSchema, z.looseObject({ extends: z.string() })])).default({}).describe('Flows of your own; "extends" starts from a preset.'),
  accounts: z.record(name, account).refine((accounts) => Object.keys(accounts).length > 0, 'needs at least one account'),
  routes: z.array(route).min(1),
  limits: z.strictObject({
    bufferedBytes: bytes.default(128 * 1024 ** 2).describe('All kept request bodies together; beyond it bodies stream and are not replayed.'),
    waitingPerAccount: z.number().int().min(1).default(2_000),
    headerBytes: bytes.default(16 * 1024),
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
