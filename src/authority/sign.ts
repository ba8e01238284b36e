/* The only module that loads @peculiar/x509. It is imported when a certificate is made, so that nobody else pays. */
import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { nameConstraints } from './constraints.ts';
import { addressBytes } from './host-name.ts';

/** A server's certificate, followed by its issuer's, and its private key (PKCS #8): all PEM. */
export interface KeyedCertificate {
  readonly key: string;
  readonly cert: string;
}

/** Wall-clock ms. */
export interface Validity {
  readonly notBefore: number;
  readonly notAfter: number;
}

/** Signs for an authority. */
export interface Signer {
  readonly key: webcrypto.CryptoKey;
  readonly certificate: x509.X509Certificate;
}

const CURVE = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' } as const;
const NAME_CONSTRAINTS = '2.5.29.30';
const { subtle } = webcrypto;

/** A new authority: what clients trust, and what signs. All PEM. */
export interface NewAuthority {
  /** What clients trust. */
  readonly root: string;
  /** Signed by the root; its key signs the servers' certificates. */
  readonly issuer: string;
  readonly issuerKey: string;
}

/**
 * An authority for `hosts` only. Java does not look at the constraints of a certificate that it trusts itself, only at
 * those below it. So the trusted one signs a second one with the same constraints, and its own key is forgotten before
 * this function returns: nobody can sign with it again, and the second one's constraints bind in every library.
 */
export async function makeAuthority(hosts: readonly string[], validity: Validity): Promise<NewAuthority> {
  const rootKeys = await subtle.generateKey(CURVE, false, ['sign', 'verify']);
  const issuerKeys = await subtle.generateKey(CURVE, true, ['sign', 'verify']);
  // Names of its own: libraries find an issuer by name, and a renewed authority must not be taken for its predecessor.
  const id = randomBytes(4).toString('hex');
  const rootName = new x509.Name([{ CN: [`tokenward authority ${id}`] }]);
  const issuerName = new x509.Name([{ CN: [`tokenward issuer ${id}`] }]);
  const constraints = new x509.Extension(NAME_CONSTRAINTS, true, new Uint8Array(nameConstraints(hosts)));
  const make = async (
    subject: x509.Name,
    publicKey: webcrypto.CryptoKey,
    pathLength: number,
  ): Promise<x509.X509Certificate> =>
    x509.X509CertificateGenerator.create({
      ...common(validity),
      subject,
      issuer: rootName,
      publicKey,
      signingKey: rootKeys.privateKey,
      extensions: [
        new x509.BasicConstraintsExtension(true, pathLength, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
        // Names of other kinds (e-mail, URI) are not constrained by name, so nothing but servers is signed for.
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        constraints,
        await x509.AuthorityKeyIdentifierExtension.create(rootKeys.publicKey),
        await x509.SubjectKeyIdentifierExtension.create(publicKey),
      ],
    });
  const root = await make(rootName, rootKeys.publicKey, 1);
  const issuer = await make(issuerName, issuerKeys.publicKey, 0);
  return { root: text(root), issuer: text(issuer), issuerKey: await pem(issuerKeys.privateKey) };
}

/** Reads an issuer's key, which cannot be taken out of the signer again. */
export async function signerOf(issuer: string, issuerKey: string): Promise<Signer> {
  const bytes = x509.PemConverter.decodeFirst(issuerKey);
  return {
    key: await subtle.importKey('pkcs8', bytes, CURVE, false, ['sign']),
    certificate: new x509.X509Certificate(issuer),
  };
}

/** A server's certificate for one host, with a key of its own. */
export async function makeLeaf(signer: Signer, host: string, validity: Validity): Promise<KeyedCertificate> {
  const keys = await subtle.generateKey(CURVE, true, ['sign', 'verify']);
  const type = addressBytes(host) === undefined ? 'dns' : 'ip';
  const certificate = await x509.X509CertificateGenerator.create({
    ...common(validity),
    issuer: signer.certificate.subjectName,
    publicKey: keys.publicKey,
    signingKey: signer.key,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      // Critical, because there is no subject (RFC 5280 §4.2.1.6).
      new x509.SubjectAlternativeNameExtension([{ type, value: host }], true),
      await x509.AuthorityKeyIdentifierExtension.create(signer.certificate.publicKey),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { key: await pem(keys.privateKey), cert: text(certificate) + text(signer.certificate) };
}

function common({ notBefore, notAfter }: Validity) {
  // Positive, and long enough that no two are alike.
  const serial = randomBytes(16);
  serial[0] = (serial[0]! & 0x3f) | 0x40;
  return {
    serialNumber: serial.toString('hex'),
    notBefore: new Date(notBefore),
    notAfter: new Date(notAfter),
    signingAlgorithm: SIGNATURE,
  };
}

async function pem(key: webcrypto.CryptoKey): Promise<string> {
  return `${x509.PemConverter.encode(await subtle.exportKey('pkcs8', key), 'PRIVATE KEY')}\n`;
}

function text(certificate: x509.X509Certificate): string {
  return `${certificate.toString('pem')}\n`;
}
