import { readFileSync, statSync } from 'node:fs';
import type { Server as NetServer } from 'node:net';
import { createSecureContext, type SecureContextOptions, type TLSSocket } from 'node:tls';

/** A certificate file that cannot be used; `message` says which and why. */
export class TlsFileError extends Error {
  override readonly name = 'TlsFileError';
  /** True: the file is not there, and may come later. */
  readonly isMissing: boolean;

  constructor(message: string, { isMissing = false } = {}) {
    super(message);
    this.isMissing = isMissing;
  }
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

/**
 * The revocation lists of a file as a list: Node reads only the first of several in one text. Throws a TlsFileError.
 */
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
 * Closes connections with a revoked certificate, on a listener where certificates are optional: whoever presents one
 * may have stolen it, so it is worse than none.
 */
export function refuseRevoked(server: NetServer): void {
  server.on('secureConnection', (socket: TLSSocket) => {
    // Node sets the code here, although the types say Error.
    if (String(socket.authorizationError) === 'CERT_REVOKED') socket.destroy();
  });
}

/** TLS options of an outbound connection; without files, Node's defaults. Throws a TlsFileError. */
export function clientTls(files: TlsFiles | undefined): SecureContextOptions {
  return files === undefined ? {} : readTlsFiles(files);
}

/** How often the files are checked for changes. ms. */
const CHECK_INTERVAL_MS = 2_000;

/** A text that changes when one of the files, or a link to it, is replaced. */
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
 * Calls `onChange` when one of the files changes, as at a certificate renewal. It polls: a renewal replaces files and
 * links to them, which a watch on the file would miss. `initialStamp`: their stamp from before they were read, so that
 * no change since is missed. Returns a function that stops it.
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
    const { code = 'error' } = error as NodeJS.ErrnoException;
    throw new TlsFileError(`${path} cannot be read (${code}).`, { isMissing: code === 'ENOENT' });
  }
}
