import { z } from 'zod';
import { flowSchema } from '../flows/flow.ts';
import { accountsSchema } from './schema/accounts.ts';
import { callers, jwt } from './schema/callers.ts';
import { limits } from './schema/limits.ts';
import { log } from './schema/log.ts';
import { listeners } from './schema/listen.ts';
import { operatorListener } from './schema/operator.ts';
import { route } from './schema/route.ts';
import { startup } from './schema/startup.ts';
import { store } from './schema/store.ts';
import { tracing } from './schema/tracing.ts';
import { duration, name } from './schema/values.ts';

const WORKERS_FORM = 'must be auto, or a number of processes from 1 to 256';
const workers = z
  .union([z.literal('auto'), z.int(), z.string().regex(/^\d{1,3}$/, WORKERS_FORM)], { error: WORKERS_FORM })
  .transform((value) => (value === 'auto' ? value : Number(value)))
  .refine((value) => value === 'auto' || (value >= 1 && value <= 256), WORKERS_FORM);

const EGRESS_FORM = 'must be environment, none, or the URL of a proxy';
const proxyUrl = z.url({ protocol: /^https?$/, error: EGRESS_FORM });
const egressProxy = z.union([z.enum(['environment', 'none']), proxyUrl], { error: EGRESS_FORM });

/** The whole configuration. */
export const configSchema = z.strictObject({
  listen: listeners.describe('The listener for client applications, or a list of listeners.'),
  operator: operatorListener.describe('The operator port: health, metrics, status and a page.'),
  workers: workers.default(1).describe('Worker processes on this host. auto: one per core.'),
  workerConnections: z
    .enum(['in-turn', 'kernel'])
    .default('in-turn')
    .describe(
      'How connections are shared among workers. in-turn: equally. kernel: each worker accepts for itself, which ' +
        'costs half where each request has a connection of its own.',
    ),
  store,
  callers: callers.default('none').describe('Who may call. none: no authentication.'),
  jwt: jwt.optional().describe('Accept JWTs from callers, such as Kubernetes service-account tokens.'),
  egressProxy: egressProxy
    .default('environment')
    .describe(
      'The corporate proxy for outgoing connections: environment (HTTPS_PROXY, HTTP_PROXY, NO_PROXY), none, or ' +
        'a URL. Never used for this host.',
    ),
  allowAnonymous: z
    .boolean()
    .default(false)
    .describe('true: allow callers: none although other hosts can reach the listener.'),
  flows: z
    .record(name, z.union([flowSchema, z.looseObject({ extends: z.string() })]))
    .default({})
    .describe('Your own flows; "extends" starts from a preset or from another flow.'),
  accounts: accountsSchema.default({}),
  accountsFrom: z
    .strictObject({
      directory: z
        .string()
        .min(1)
        .optional()
        .describe('A directory of YAML or JSON files, each a mapping like accounts.'),
      file: z
        .string()
        .min(1)
        .optional()
        .describe('A generated file: one JSON object a line, with name and the keys of an account.'),
    })
    .optional()
    .describe('More accounts, from separate files.'),
  routes: z.array(route).min(1),
  limits,
  startup,
  shutdown: z
    .strictObject({
      delay: duration
        .prefault('0s')
        .describe(
          'After the signal, time during which /readyz says no and connections are still accepted, so that a ' +
            'load balancer notices.',
        ),
      drain: duration.prefault('20s').describe('Time for requests in flight to end.'),
    })
    .prefault({}),
  watch: z
    .boolean()
    .default(false)
    .describe('true: reload when a file changes that the configuration was read from. Otherwise on request only.'),
  log: log.describe('The log on standard error, and the access log on standard output.'),
  tracing: tracing.optional().describe('Spans for OpenTelemetry. Default: none, and nothing of it is loaded.'),
});

/** A configuration after expansion, with every default filled in. */
export type Config = z.infer<typeof configSchema>;
export type RouteConfig = Config['routes'][number];
export type AccountConfig = Config['accounts'][string];
export type CallerConfig = Exclude<Config['callers'], 'none'>[number];

/** JSON Schema of the configuration, for editors (`tokenward schema`). */
export function jsonSchema(): unknown {
  return z.toJSONSchema(configSchema, { io: 'input', unrepresentable: 'any', reused: 'ref' });
}
