import { z } from 'zod';
import { hosts, keyDigest, port } from './values.ts';

/** The port if the configuration names none. */
export const DEFAULT_OPERATOR_PORT = 9090;

/** `operator`: where operators look in. */
export const operatorListener = z.strictObject({
  host: z.string().min(1).default('127.0.0.1'),
  port: port.default(DEFAULT_OPERATOR_PORT),
  hosts: hosts.describe('Host names by which it may be called, beside localhost and addresses. "*": any.'),
  key: keyDigest.optional().describe('The digest of a key that whoever acts here must show. Looking needs none.'),
  allowAnonymous: z.boolean().default(false)
    .describe('Says aloud that renewals without a key are meant although others than this host can reach the port.'),
}).prefault({});
