import { writeFileSync } from 'node:fs';
import { AuthorityError } from '../authority/authority-error.ts';
import type { Authority } from '../authority/authority.ts';
import { trustStore } from '../authority/pkcs12.ts';
import { print } from './options.ts';
import { UsageError } from './usage-error.ts';

/** The options of `tokenward ca export`. */
export interface CaExportOptions {
  readonly output?: string;
  readonly pkcs12?: string;
  readonly password?: string;
}

/** The name of the entry in a trust store. */
const ALIAS = 'tokenward';
/** Java's customary password. The file holds a public certificate only, so it protects nothing secret. */
const DEFAULT_PASSWORD = 'changeit';
/** What keytool accepts; Java takes no other characters than these. */
const PASSWORD = /^[ -~]{6,}$/;

/** `tokenward ca export`: the certificate that clients must trust, as PEM, or as a trust store for Java. */
export function caExport({ certificate }: Authority, { output, pkcs12, password }: CaExportOptions): void {
  if (password !== undefined && pkcs12 === undefined)
    throw new UsageError('--password is for a PKCS #12 file: add --pkcs12 FILE');
  const secret = password ?? DEFAULT_PASSWORD;
  if (!PASSWORD.test(secret))
    throw new UsageError('--password must have at least six characters, and ASCII ones only, as Java demands');
  if (pkcs12 !== undefined) write(pkcs12, trustStore(certificate, ALIAS, secret));
  if (output !== undefined) write(output, certificate);
  if (pkcs12 === undefined && output === undefined) print(certificate);
}

function write(file: string, content: Buffer | string): void {
  try {
    // Applications of other users read it.
    writeFileSync(file, content, { mode: 0o644 });
  } catch (error) {
    throw new AuthorityError(`${file} cannot be written (${(error as NodeJS.ErrnoException).code ?? 'error'}).`);
  }
}
