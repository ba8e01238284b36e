import type { Server } from 'node:http';
import type { Server as TlsServer, ServerOptions as TlsOptions } from 'node:https';
import type { Listener } from '../config/schema/listen.ts';
import { readTlsFiles, stampOf, watchTlsFiles, type TlsFiles } from '../http/tls.ts';
import type { Logger } from '../log.ts';

/** Inbound HTTPS, as it was when the files were read. */
export interface InboundTls {
  readonly files: TlsFiles;
  /** Taken before the files were read, so that a change in between is noticed. */
  readonly stamp: string;
  readonly options: TlsOptions;
}

/** Undefined: the listener has no TLS. Throws a TlsFileError. */
export function readInboundTls({ tls }: Listener): InboundTls | undefined {
  const files = inboundTlsFiles(tls);
  return files && { files, stamp: stampOf(files), options: inboundTlsOptions(tls, files) };
}

function inboundTlsFiles(tls: Listener['tls']): TlsFiles | undefined {
  if (tls === undefined) return undefined;
  const { certFile, keyFile, clientCaFile: caFile, clientCrlFile: crlFile, minVersion } = tls;
  return { certFile, keyFile, caFile, crlFile, minVersion };
}

function inboundTlsOptions(tls: Listener['tls'], files: TlsFiles): TlsOptions {
  const requestCert = tls?.clientCaFile !== undefined;
  const rejectUnauthorized = requestCert && tls.clientCertificate === 'required';
  return { ...readTlsFiles(files), requestCert, rejectUnauthorized };
}

/** Uses renewed certificates for new connections; keeps the old ones if the new files do not match. */
export function reloadCertificates(server: Server | TlsServer, { files, stamp }: InboundTls, log: Logger): () => void {
  return watchTlsFiles(files, stamp, () => {
    try {
      if ('setSecureContext' in server) server.setSecureContext(readTlsFiles(files));
      log.info('certificate reloaded', { file: files.certFile ?? '' });
    } catch (error) {
      const detail = error instanceof Error ? error.message : '';
      log.error('the changed certificate cannot be used; the old one stays in use', { detail });
    }
  });
}
