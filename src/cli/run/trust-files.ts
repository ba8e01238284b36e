import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { AuthorityError } from '../../authority/authority-error.ts';
import { trustStore } from '../../authority/pkcs12.ts';
import type { TrustFiles } from './variables.ts';

/** Where systems keep the certificates of their authorities. */
const SYSTEM_BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt', // Debian, Alpine
  '/etc/pki/tls/certs/ca-bundle.crt', // Fedora, RHEL
  '/etc/ssl/ca-bundle.pem', // openSUSE
  '/etc/ssl/cert.pem', // BSD, macOS
];
/** Variables by which a user may have named further authorities. */
const BUNDLE_VARIABLES = ['SSL_CERT_FILE', 'REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE', 'NODE_EXTRA_CA_CERTS'];
/** Java's customary one: the file holds nothing secret. */
export const PASSWORD = 'changeit';

/** The authorities that programs trust without us, PEM, and those that the user has added. */
export function knownAuthorities(environment: Readonly<Record<string, string | undefined>>): string {
  const system = SYSTEM_BUNDLES.map(textOf).find((text) => text !== undefined) ?? rootCertificates.join('\n');
  const own = BUNDLE_VARIABLES.flatMap((name) => textOf(environment[name] ?? '') ?? []);
  return [...new Set([system, ...own])].join('\n');
}

/** Writes the files into a folder of this user's own. `remove` removes it. */
export function writeTrustFiles(
  certificate: string,
  environment: Readonly<Record<string, string | undefined>>,
): TrustFiles & { remove(): void } {
  const folder = makeFolder();
  const write = (name: string, content: string | Buffer): string => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };
  const bundle = write('bundle.pem', `${knownAuthorities(environment)}\n${certificate}`);
  write('tokenward.ini', `curl.cainfo=${bundle}\nopenssl.cafile=${bundle}\n`);
  return {
    bundle,
    authority: write('authority.pem', certificate),
    trustStore: write('trust.p12', trustStore(certificate, 'tokenward', PASSWORD)),
    trustStorePassword: PASSWORD,
    phpFolder: folder,
    // Debian's wget reads no variable for authorities.
    wgetrc: write(
      'wgetrc',
      `${textOf(environment['WGETRC'] ?? join(homedir(), '.wgetrc')) ?? ''}\nca_certificate = ${bundle}\n`,
    ),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Throws an AuthorityError that names the place. */
function makeFolder(): string {
  try {
    return mkdtempSync(join(tmpdir(), 'tokenward-run-'));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'error';
    throw new AuthorityError(
      `No folder for the authority can be made in ${tmpdir()} (${code}). TMPDIR names the place.`,
    );
  }
}

function textOf(path: string): string | undefined {
  if (path === '') return undefined;
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
