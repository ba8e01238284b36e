import { X509Certificate } from 'node:crypto';
import type { SecureContextOptions } from 'node:tls';
import { readTlsFiles, TlsFileError, type TlsFiles } from './tls.ts';

/**
 * The DNS names of a certificate (PEM; of a chain, the first one), in lower case. The common name is none of them
 * (RFC 9525 §2).
 */
export function dnsNamesOf(pem: SecureContextOptions['cert']): string[] {
  if (typeof pem !== 'string' && !Buffer.isBuffer(pem)) return [];
  const subjectAltName = alternativeNames(pem);
  // Node writes a value with a comma or a quote in it as a JSON text, which no host name is.
  const plain = subjectAltName.replace(/"(?:[^"\\]|\\.)*"/g, '');
  return [...plain.matchAll(/(?:^|, )DNS:([^,\s]+)(?=,|$)/g)].map(([, name]) => name!.toLowerCase());
}

function alternativeNames(pem: string | Buffer): string {
  try {
    return new X509Certificate(pem).subjectAltName ?? '';
  } catch {
    // TLS takes some forms of PEM that this does not.
    return '';
  }
}

/** The same as readTlsFiles for a certificate that is chosen by its names. */
export function readNamedTlsFiles(files: TlsFiles): SecureContextOptions {
  const options = readTlsFiles(files);
  if (dnsNamesOf(options.cert).length === 0)
    throw new TlsFileError(`${files.certFile!} holds no DNS name (subjectAltName) that a client could ask for.`);
  return options;
}

/** What belongs to the names of certificates. A name that was added before keeps what it has. */
export class CertificateNames<T> {
  readonly #exact = new Map<string, T>();
  /** By what follows the "*.". */
  readonly #wildcards = new Map<string, T>();

  add(name: string, value: T): void {
    const [names, key] = name.startsWith('*.') ? [this.#wildcards, name.slice(2)] : [this.#exact, name];
    if (!names.has(key)) names.set(key, value);
  }

  /** A wildcard stands for exactly one label, the leftmost (RFC 6125 §6.4.3); a name without one is looked up first. */
  find(name: string): T | undefined {
    const exact = this.#exact.get(name);
    if (exact !== undefined) return exact;
    const dot = name.indexOf('.');
    return dot > 0 ? this.#wildcards.get(name.slice(dot + 1)) : undefined;
  }
}
