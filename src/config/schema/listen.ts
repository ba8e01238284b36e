import { resolve } from 'node:path';
import { z } from 'zod';
import { file, hosts, port } from './values.ts';

/** Where a listener is that says nothing else. */
export const DEFAULT_HOST = '127.0.0.1';
export const DEFAULT_PORT = 8080;

/** Header fields that a page of another site can send without a CORS preflight. */
const COMMON_FIELDS = [
  /^accept(-(encoding|language|charset))?$/i,
  /^content-(language|length|type)$/i,
  /^sec-.*$/i,
  /^(connection|cookie|host|origin|range|referer|user-agent|save-data|dnt|te)$/i,
];
const COMMON_FIELD =
  'every client or browser sends this header field by itself: ' +
  'choose one that none sends, such as X-Tokenward-Request';
const ownField = z
  .string()
  .regex(/^[A-Za-z0-9-]{1,100}$/, { error: 'must be the name of a header', abort: true })
  .refine((field) => !COMMON_FIELDS.some((form) => form.test(field)), COMMON_FIELD);

/** What fits into a socket's address beside the final zero byte. A longer path would be truncated silently. */
const MAX_SOCKET_PATH_BYTES = process.platform === 'darwin' ? 103 : 107;
const SOCKET_PATH_LONG = `is too long for a socket: as an absolute path it may have ${MAX_SOCKET_PATH_BYTES} bytes`;
const socketPath = z
  .string()
  .min(1)
  .refine((path) => !/[\x00-\x1f\x7f]/.test(path), { error: 'must be the path of a file', abort: true })
  // Absolute, because another process than this one may bind it.
  .transform((path) => resolve(path))
  .refine((path) => Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES, SOCKET_PATH_LONG);
/** The form of its mode. The owner must be able to connect: that is how a stale socket is recognised. */
export const SOCKET_MODE = /^0?[67][0-7]{2}$/;
const SOCKET_MODE_FORM = 'must be an octal mode in quotes that lets the owner read and write, such as "0660"';
const socketMode = z
  .string()
  .regex(SOCKET_MODE, SOCKET_MODE_FORM)
  .transform((text) => Number.parseInt(text, 8));

/** A target of a tunnel: a host, all names below one, or every host; with a port, or 443. */
const tunnelTarget = z
  .string()
  .regex(
    /^(?:\[[0-9A-Fa-f:.]+\]|\*|(?:\*\.)?[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)(?::\d{1,5})?$/,
    'must be a host, "*.example.com" or "*", each with a port unless it is 443',
  );
const forward = z
  .union(
    [
      z.boolean(),
      z.strictObject({
        tunnel: z
          .array(tunnelTarget)
          .default([])
          .describe(
            'Other hosts to which a tunnel may lead, unread: "example.com", "*.example.com:8443" or "*". Never this ' +
              'host itself, link-local addresses, or the metadata of a cloud.',
          ),
      }),
    ],
    { error: 'must be true, or an object such as { tunnel: [example.com] }' },
  )
  .transform((value) => (value === false ? undefined : value === true ? { tunnel: [] } : value));

const listener = z
  .strictObject({
    host: z.string().min(1).default(DEFAULT_HOST),
    port: port.optional().describe('Default: 8080 without a socket; with a socket, no port.'),
    socket: socketPath
      .optional()
      .describe('Path of a Unix socket to listen on instead of host and port; if port is set, both are served.'),
    socketMode: socketMode
      .prefault('0660')
      .describe('File mode of the socket, as octal digits in quotes: who may connect.'),
    engine: z
      .enum(['fast', 'express'])
      .default('fast')
      .describe('What reads requests: the fast engine, with Express for all that is not plain, or Express alone.'),
    hosts: hosts.describe('With callers: none, accepted Host names besides localhost and IP addresses. "*": any.'),
    forward: forward
      .optional()
      .describe(
        'true: also a forward proxy (HTTPS_PROXY, HTTP_PROXY) for the hosts of routes; other hosts are refused. ' +
          'Needs the authority of tokenward ca make.',
      ),
    requireHeader: ownField.optional().describe('A header field that every request must have, with any value.'),
    tls: z
      .strictObject({
        certFile: file.optional().describe('The certificate with its chain, PEM. Reloaded when it changes.'),
        keyFile: file.optional().describe('Its private key, PEM.'),
        certificates: z
          .array(
            z.strictObject({
              certFile: file.describe('A certificate with its chain, PEM. Reloaded when it changes.'),
              keyFile: file.describe('Its private key, PEM.'),
            }),
          )
          .min(1)
          .optional()
          .describe(
            'Certificates for clients that ask for one of their names (SNI). Other clients get certFile; without it, ' +
              'the first of these.',
          ),
        authority: z
          .boolean()
          .optional()
          .describe(
            'true: certificates of the authority of tokenward ca make for clients that ask for the host of a route ' +
              '(SNI). Files are not needed then.',
          ),
        clientCaFile: file
          .optional()
          .describe('The certificate authority for client certificates, PEM. Enables callers[].certificate.'),
        clientCrlFile: file
          .optional()
          .describe('The revocation list (CRL) of that authority, PEM. Reloaded when it changes.'),
        clientCertificate: z.enum(['optional', 'required']).default('optional'),
        minVersion: z.enum(['TLSv1.2', 'TLSv1.3']).default('TLSv1.2'),
      })
      .optional()
      .describe('HTTPS on the port.'),
  })
  .transform(({ port: named, ...listen }) => {
    return { ...listen, port: named ?? (listen.socket === undefined ? DEFAULT_PORT : undefined) };
  });

/** `listen`: where clients connect. */
export const listeners = z.union([listener, z.array(listener).min(1)]).prefault({});

/** One listener: a port, a socket, or both. */
export type Listener = z.infer<typeof listener>;
