import { z } from 'zod';
import { duration, file } from './values.ts';

/** The same 32 bytes as src/tokens/seal.ts reads, so that `check` finds an invalid key. */
const storeKey = z
  .string()
  .regex(
    /^\s*([0-9a-fA-F]{64}|[A-Za-z0-9+/_-]{43}=?)\s*$/,
    'must be 32 random bytes, as 64 hex digits or base64; make one with: openssl rand -base64 32',
  );

const hostPort = z.string().regex(/^(\[[0-9A-Fa-f:]+\]|[^:\s]+):\d{1,5}$/, 'must be host:port');
/** `store`: where tokens are kept. */
export const store = z
  .discriminatedUnion('type', [
    z.strictObject({
      type: z.literal('embedded'),
      path: z.string().min(1).default('./data').describe('Directory of the store; created if it does not exist.'),
      key: storeKey
        .optional()
        .describe(
          '32 random bytes, hex or base64, that encrypt the stored tokens. Default: a key generated next to the ' +
            'store.',
        ),
      retiredKeys: z
        .array(storeKey)
        .default([])
        .describe('Earlier keys, which still decrypt the records they encrypted.'),
    }),
    z
      .strictObject({
        type: z.literal('redis'),
        url: z
          .url({ protocol: /^rediss?$/, error: 'must be a redis:// or rediss:// URL' })
          .optional()
          .describe('One server. The password goes into password, not into the URL.'),
        sentinel: z
          .strictObject({
            name: z.string().min(1).describe('The name of the master.'),
            nodes: z.array(hostPort).min(1),
            password: z.string().optional().describe('The password of the sentinels.'),
          })
          .optional()
          .describe('A master behind Sentinel.'),
        cluster: z
          .strictObject({ nodes: z.array(hostPort).min(1) })
          .optional()
          .describe('A Redis Cluster, given by some of its nodes.'),
        username: z.string().optional().describe('ACL user.'),
        password: z.string().optional(),
        tls: z
          .strictObject({ caFile: file.optional(), certFile: file.optional(), keyFile: file.optional() })
          .optional()
          .describe('TLS settings; they enable TLS without a rediss:// URL.'),
        key: storeKey.describe(
          '32 random bytes, hex or base64, that encrypt the stored tokens; the same for all replicas.',
        ),
        retiredKeys: z.array(storeKey).default([]),
        keyPrefix: z
          .string()
          .regex(/^[A-Za-z0-9:._-]{1,50}$/, 'must be 1 to 50 letters, digits, ":", ".", "_" or "-"')
          .default('tokenward'),
        commandTimeout: duration.prefault('500ms'),
        waitReplicas: z
          .number()
          .int()
          .min(0)
          .max(10)
          .default(0)
          .describe('How many Redis replicas a write waits for (WAIT).'),
      })
      .refine(
        ({ url, sentinel, cluster }) => [url, sentinel, cluster].filter((one) => one !== undefined).length === 1,
        'needs exactly one of url, sentinel, cluster',
      ),
  ])
  .prefault({ type: 'embedded' });
