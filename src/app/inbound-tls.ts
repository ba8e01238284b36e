import { X509Certificate } from 'node:crypto';
import type { Server } from 'node:http';
import type { Server as TlsServer, ServerOptions as TlsOptions } from 'node:https';
import { basename } from 'node:path';
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
  /** Of its own end; wall-clock ms. Undefined: there is no certificate. */
  readonly endsAt: number | undefined;
}

/** When a certificate ends, for metrics. */
export interface CertificateEnd {
  /** The first host that it names, or its file. */
  readonly name: string;
  /** Wall-clock ms. */
  readonly endsAt: number;
}

/** Certificates that are made when a client asks for them. */
export interface CertificatesOnDemand {
  readonly hosts: { has(host: string): boolean };
  /** Throws or rejects if it cannot sign. */
  readonly certificateFor: (host: string) => Keyed | Promise<Keyed>;
}

/** A certificate with its chain and its key, PEM. */
interface Keyed {
  readonly cert: string;
  readonly key: string;
}

/** At most one line about certificates that cannot be made in this time. ms. */
const UNSIGNED_LINE_MS = 60_000;

type Choose = (error: Error | null, context?: SecureContext) => void;

/** Inbound HTTPS of one listener: which certificate a handshake gets, from files that may change. */
export class InboundTls {
  /** For the server, as the files were when they were read. */
  readonly options: TlsOptions;
  /** Client certificates may be revoked. */
  readonly revokes: boolean;
  /** The first one is for clients that name no server, or an unknown one. */
  readonly #certificates: readonly Certificate[];
  #byName: CertificateNames<SecureContext>;
  /** Contexts of certificates that were made on demand. */
  #made = new WeakMap<Keyed, SecureContext>();

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
        SNICallback: (name: string, choose: Choose): void => choose(null, this.#byName.find(hostOf(name))),
      }),
    };
  }

  /** The same for a server that also shows certificates made on demand, to those that ask for one of their hosts. */
  optionsWith({ hosts, certificateFor }: CertificatesOnDemand, log: Logger): TlsOptions {
    let lastLine = -Infinity;
    const made = async (host: string): Promise<SecureContext | undefined> => {
      try {
        return this.#contextOf(await certificateFor(host));
      } catch (error) {
        const now = performance.now();
        if (now - lastLine >= UNSIGNED_LINE_MS) {
          lastLine = now;
          const detail = error instanceof Error ? error.message : '';
          log.error('no certificate can be made for a client that asks for this host', { upstream: host, detail });
        }
        return undefined;
      }
    };
    const SNICallback = (name: string, choose: Choose): void => {
      const host = hostOf(name);
      const context = this.#byName.find(host);
      // Without a context it is the server's own, which may have no certificate; then the handshake fails.
      if (context !== undefined || !hosts.has(host)) return choose(null, context);
      return void made(host).then((found) => choose(null, found));
    };
    return { ...this.options, SNICallback };
  }

  /** Of the certificates that come from files. */
  get ends(): CertificateEnd[] {
    return this.#certificates.flatMap(({ files, inUse: { names, endsAt } }) =>
      endsAt === undefined ? [] : [{ name: names[0] ?? basename(files.certFile ?? ''), endsAt }],
    );
  }

  #contextOf(keyed: Keyed): SecureContext {
    let context = this.#made.get(keyed);
    if (context === undefined) {
      context = createSecureContext({ ...this.#certificates[0]!.inUse.options, cert: keyed.cert, key: keyed.key });
      this.#made.set(keyed, context);
    }
    return context;
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
          // They hold the authority for client certificates, too.
          if (index === 0) this.#made = new WeakMap();
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
  // Without any file, certificates are made on demand, and other clients get none.
  return certFile === undefined && named.length > 0 ? named : [{ certFile, keyFile, isNamed: false }, ...named];
}

/** A name of SNI as hosts are compared. */
function hostOf(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

/** Throws a TlsFileError. */
function read(files: TlsFiles, isNamed: boolean): ReadCertificate {
  const options = isNamed ? readNamedTlsFiles(files) : readTlsFiles(files);
  const { cert } = options;
  const endsAt = cert === undefined ? undefined : Date.parse(new X509Certificate(cert as string | Buffer).validTo);
  return { options, context: createSecureContext(options), names: dnsNamesOf(cert), endsAt };
}

/** Of several certificates with one name, the first counts. */
function tableOf(certificates: readonly Certificate[]): CertificateNames<SecureContext> {
  const table = new CertificateNames<SecureContext>();
  for (const { inUse } of certificates) for (const name of inUse.names) table.add(name, inUse.context);
  return table;
}
