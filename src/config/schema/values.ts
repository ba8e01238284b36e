import { z } from 'zod';
import { milliseconds } from '../../flows/duration.ts';
import { isHostname, isPlainUrl } from '../urls.ts';

/* Values that several sections of the configuration use. */

/** Names of accounts, callers and flows. */
export const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
export const NAME_FORM = 'must be a name of letters, digits, ".", "_" and "-", at most 100 characters';
export const name = z.string().regex(NAME, NAME_FORM);

const PORT_FORM = 'must be a port number, 0 to 65535';
/** A number, or its digits: values from the environment are text. */
export const port = z
  .union([z.int(), z.string().regex(/^\d{1,5}$/, PORT_FORM)], { error: PORT_FORM })
  .transform(Number)
  .refine((value) => value >= 0 && value <= 65_535, PORT_FORM);

/** The same, or with `*.` for every host below a name: for an upstream that an answer names. */
export const httpUrlPattern = z
  .url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL', abort: true })
  .refine((text) => isHostname(new URL(text).hostname.replace(/^\*\./, '')), {
    error: 'must name one host: "*" and "{…}" have no meaning there',
    abort: true,
  })
  .refine((text) => isPlainUrl(text.replace('//*.', '//')), 'must have no user, password, query or fragment');

/** A base URL: a path can be appended to it. */
export const httpUrl = z
  .url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL', abort: true })
  .refine((text) => isHostname(new URL(text).hostname), {
    error: 'must name one host: "*" and "{…}" have no meaning there',
    abort: true,
  })
  .refine(isPlainUrl, 'must have no user, password, query or fragment');

const BYTE_UNITS: Readonly<Record<string, number>> = { '': 1, b: 1, kib: 1024, mib: 1024 ** 2, gib: 1024 ** 3 };

const BYTES_FORM = 'must be a whole number of bytes, or a size such as "64 KiB" or "8 MiB"';
/** Bytes: a number, or text like `1 MiB`. */
export const bytes = z
  .union([z.int().min(0), z.string().regex(/^\d+\s*(b|kib|mib|gib)?$/i, BYTES_FORM)], { error: BYTES_FORM })
  .transform((value) => {
    if (typeof value === 'number') return value;
    return Number.parseInt(value, 10) * BYTE_UNITS[value.replace(/^\d+\s*/, '').toLowerCase()]!;
  });

/** Parsed to milliseconds. */
export const duration = milliseconds
  // A timer of more than 24.8 days fires at once.
  .refine((value) => value <= 24 * 3_600_000, 'must be at most 24h');

/** The path of a file. */
export const file = z.string().min(1);

/** The digest of a key. */
export const keyDigest = z
  .string()
  .regex(/^sha256:[0-9a-fA-F]{64}$/, 'must be a digest "sha256:<64 hex digits>"; make one with: tokenward hash-key');

/** A Host name that a listener accepts. */
const host = z.string().regex(/^([A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*|\*)$/, 'must be a host name without a port, or "*"');
export const hosts = z.array(host).default([]);

/** One host name or IPv4 address. */
export const hostname = z
  .string()
  .regex(/^(?=.{1,253}$)[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/, 'must be a host name without a port');

/** One account, or all with a common beginning of their names. */
export const accountPattern = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}\*?$|^\*$/,
    'must be the name of an account, or the beginning of one followed by "*"',
  );
