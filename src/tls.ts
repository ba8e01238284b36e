import { readFileSync, watchFile, unwatchFile } from 'node:fs';
import { createSecureContext, type SecureContextOptions } from 'node:tls';

/** A certificate file that cannot be used; `message` says which and why. */
export class TlsFileError extends Error {
  override readonly name = 'TlsFileError';
}

/** The files of one side of TLS, as the configuration names them. */
export interface TlsFiles {
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
  readonly caFile?: string | undefined;
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
}

/** Reads the files and makes sure that they go together. Throws a TlsFileError. */
export function readTlsFiles(files: TlsFiles): SecureContextOptions {
  const { certFile, keyFile, caFile, minVersion } = files;
  const options: SecureContextOptions = {
    minVersion,
    ...(certFile !== undefined && { cert: read(certFile) }),
    ...(keyFile !== undefined && { key: read(keyFile) }),
    ...(caFile !== undefined && { ca: read(caFile) }),
  };
  try {
    createSecureContext(options);
  } catch (error) {
    throw new TlsFileError(`${[certFile, keyFile, caFile].filter((one) => one !== undefined).join(', ')} cannot be used for TLS (${(error as NodeJS.ErrnoException).code ?? 'not PEM, or the key does not belong to the certificate'}).`);
  }
  return options;
}

/** Of a connection that we make; without files of its own, Node's certificates and rules. Throws a TlsFileError. */
export function clientTls(files: TlsFiles | undefined): SecureContextOptions {
  return files === undefined ? {} : readTlsFiles(files);
}

/**
 * Calls back when one of the files changes, as when a certificate is renewed. By polling: renewals replace files and the
 * links that lead to them, which a watch on the file itself would miss. The result stops it.
 */
export function watchTlsFiles(files: TlsFiles, changed: () => void): () => void {
  const paths = [files.certFile, files.keyFile, files.caFile].filter((path) => path !== undefined);
  const listener = (now: { mtimeMs: number; ino: number }, before: { mtimeMs: number; ino: number }): void => {
    if (now.mtimeMs !== before.mtimeMs || now.ino !== before.ino) changed();
  };
  for (const path of paths) watchFile(path, { interval: 2_000, persistent: false }, listener);
  return () => {
    for (const path of paths) unwatchFile(path, listener);
  };
}

function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new TlsFileError(`${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'error'}).`);
  }
}
