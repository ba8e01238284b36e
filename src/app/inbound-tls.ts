import type { Server } from 'node:http';
import type { Server as TlsServer, ServerOptions as TlsOptions } from 'node:https';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import type { Listener } from '../config/schema/listen.ts';
import { CertificateNames, dnsNamesOf, readNamedTlsFiles } from '../http/certificate-names.ts';
import { readTlsFiles, stampOf, watchTlsFiles, type TlsFiles } from '../http/tls.ts';
import type { Logger } from '../log.ts';

type TlsConfig = NonNullable<Listener['tls']>;

/** A certificate of the listener; its files may change. */
interface Certificate {
  readonly files: TlsFiles;
  /** It is chosen by its names, so that it must have some. */
  readonly isNamed: boolean;
  /** Taken before the files were read, so that a change in between is noticed. */
  readonly stamp: string;
  inUse: ReadCertificate;
}

interface ReadCertificate {
  readonly options: SecureContextOptions;
  readonly context: SecureContext;
  readonly names: readonly string[];
}

/** Inbound HTTPS of one listener: which certificate a handshake gets, from files that may change. */
export class InboundTls {
  /** For the server, as the files were when they were read. */
  readonly options: TlsOptions;
  /** Client certificates may be revoked. */
  readonly revokes: boolean;
  /** The first one is for clients that name no server, or an unknown one. */
  readonly #certificates: readonly Certificate[];
  #byName: CertificateNames<SecureContext>;

  /** Throws a TlsFileError. */
  constructor(tls: TlsConfig) {
    const { clientCaFile: caFile, clientCrlFile: crlFile, clientCertificate, minVersion } = tls;
    this.revokes = crlFile !== undefined;
    this.#certificates = pairsOf(tls).map(({ isNamed, ...pair }) => {
      const files = { ...pair, caFile, crlFile, minVersion };
      return { files, isNamed, stamp: stampOf(files), inUse: read(files, isNamed) };
    });
    this.#byName = tableOf(this.#certificates);
    const requestCert = caFile !== undefined;
    this.options = {
      ...this.#certificates[0]!.inUse.options,
      requestCert,
      rejectUnauthorized: requestCert && clientCertificate === 'required',
      ...(this.#certificates.length > 1 && {
        // Without a context it is the server's own.
        SNICallback: (name: string, choose: (error: Error | null, context?: SecureContext) => void): void =>
          choose(null, this.#byName.find(name.toLowerCase().replace(/\.$/, ''))),
      }),
    };
  }

  /**
   * Uses renewed certificates for new connections; keeps an old one whose new files do not match. Returns a function
   * that stops it.
   */
  watch(server: Server | TlsServer, log: Logger): () => void {
    const stops = this.#certificates.map((certificate, index) => {
      const { files, isNamed, stamp } = certificate;
      return watchTlsFiles(files, stamp, () => {
        try {
          const renewed = read(files, isNamed);
          if (index === 0 && 'setSecureContext' in server) server.setSecureContext(renewed.options);
          certificate.inUse = renewed;
          this.#byName = tableOf(this.#certificates);
          log.info('certificate reloaded', { file: files.certFile ?? '' });
        } catch (error) {
          const detail = error instanceof Error ? error.message : '';
          log.error('the changed certificate cannot be used; the old one stays in use', { detail });
        }
      });
    });
    return () => stops.forEach((stop) => stop());
  }
}

/** Certificate and key of each certificate, the default one first. */
function pairsOf({ certFile, keyFile, certificates = [] }: TlsConfig) {
  const named = certificates.map((pair) => ({ ...pair, isNamed: true }));
  return certFile === undefined ? named : [{ certFile, keyFile, isNamed: false }, ...named];
}

/** Throws a TlsFileError. */
function read(files: TlsFiles, isNamed: boolean): ReadCertificate {
  const options = isNamed ? readNamedTlsFiles(files) : readTlsFiles(files);
  return { options, context: createSecureContext(options), names: dnsNamesOf(options.cert) };
}

/** Of several certificates with one name, the first counts. */
function tableOf(certificates: readonly Certificate[]): CertificateNames<SecureContext> {
  const table = new CertificateNames<SecureContext>();
  for (const { inUse } of certificates) for (const name of inUse.names) table.add(name, inUse.context);
  return table;
}
