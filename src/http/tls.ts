import { readFileSync, statSync } from 'node:fs';
import type { Server as NetServer } from 'node:net';
import { createSecureContext, type SecureContextOptions, type TLSSocket } from 'node:tls';

/** A certificate file that cannot be used; `message` says which and why. */
export class TlsFileError extends Error {
  override readonly name = 'TlsFileError';
}

/** The files of one side of TLS, as the configuration names them. */
export interface TlsFiles {
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
  readonly caFile?: string | undefined;
  /** Certificates of `caFile` that are revoked. */
  readonly crlFile?: string | undefined;
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
}

/** Reads the files and makes sure that they go together. Throws a TlsFileError. */
export function readTlsFiles(files: TlsFiles): SecureContextOptions {
  const { certFile, keyFile, caFile, crlFile, minVersion } = files;
  const options: SecureContextOptions = {
    minVersion,
    ...(certFile !== undefined && { cert: read(certFile) }),
    ...(keyFile !== undefined && { key: read(keyFile) }),
    ...(caFile !== undefined && { ca: read(caFile) }),
    ...(crlFile !== undefined && { crl: readCrls(crlFile) }),
  };
  try {
    createSecureContext(options);
  } catch (error) {
    const names = [certFile, keyFile, caFile, crlFile].filter((one) => one !== undefined).join(', ');
    const { code = 'not PEM, or the key does not belong to the certificate' } = error as NodeJS.ErrnoException;
    throw new TlsFileError(`${names} cannot be used for TLS (${code}).`);
  }
  return options;
}

/** The revocation lists in a file, one by one: of several together Node takes only the first. Throws a TlsFileError. */
export function readCrls(path: string): string[] {
  const lists = read(path)
    .toString('latin1')
    .match(/-----BEGIN X509 CRL-----[^-]+-----END X509 CRL-----/g);
  try {
    if (lists !== null) createSecureContext({ crl: lists });
  } catch {
    throw new TlsFileError(`${path} holds a certificate revocation list that cannot be read.`);
  }
  if (lists === null) throw new TlsFileError(`${path} holds no certificate revocation list (PEM, X509 CRL).`);
  return lists;
}

/**
 * Cuts connections that show a revoked certificate, where a connection may do without one. Such a certificate is not as
 * good as none: whoever shows it may have stolen it.
 */
export function refuseRevoked(server: NetServer): void {
  server.on('secureConnection', (socket: TLSSocket) => {
    // Node gives the code itself there, whatever its types say.
    if (String(socket.authorizationError) === 'CERT_REVOKED') socket.destroy();
  });
}

/** Of a connection that we make; without files of its own, Node's certificates and rules. Throws a TlsFileError. */
export function clientTls(files: TlsFiles | undefined): SecureContextOptions {
  return files === undefined ? {} : readTlsFiles(files);
}

/** How often the files are looked at. ms. */
const CHECK_INTERVAL_MS = 2_000;

/** What changes when a file, or the link that leads to it, is replaced; of each file in turn. */
export function stampOf(files: TlsFiles): string {
  return [files.certFile, files.keyFile, files.caFile, files.crlFile]
    .filter((path) => path !== undefined)
    .map((path) => {
      const stat = statSync(path, { throwIfNoEntry: false, bigint: true });
      return stat === undefined ? 'none' : `${stat.ino} ${stat.mtimeNs} ${stat.size}`;
    })
    .join(', ');
}

/**
 * Calls back when one of the files changes, as when a certificate is renewed. By polling: renewals replace files and
 * the links that lead to them, which a watch on the file itself would miss. `read`: their stamp from before they were
 * read, so that nothing is missed that changed since. The result stops it.
 */
export function watchTlsFiles(files: TlsFiles, initialStamp: string, onChange: () => void): () => void {
  let lastStamp = initialStamp;
  const timer = setInterval(() => {
    const now = stampOf(files);
    if (now === lastStamp) return;
    lastStamp = now;
    onChange();
  }, CHECK_INTERVAL_MS).unref();
  return () => clearInterval(timer);
}

function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new TlsFileError(`${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'error'}).`);
  }
}
