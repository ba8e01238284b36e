import { z } from 'zod';
import { hosts, keyDigest, port } from './values.ts';

/** The default port. */
export const DEFAULT_OPERATOR_PORT = 9090;

/** `operator`: the operator port. */
export const operatorListener = z
  .strictObject({
    host: z.string().min(1).default('127.0.0.1'),
    port: port.default(DEFAULT_OPERATOR_PORT),
    hosts: hosts.describe('Accepted Host names besides localhost and IP addresses. "*": any.'),
    key: keyDigest.optional().describe('Digest of the key that is required to act on this port. Reading needs no key.'),
    allowAnonymous: z
      .boolean()
      .default(false)
      .describe('true: allow renewals without a key although other hosts can reach the port.'),
  })
  .prefault({});
