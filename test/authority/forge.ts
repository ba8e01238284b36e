import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { makeLeaf, type KeyedCertificate, type Signer } from '../../src/authority/sign.ts';

/* What a thief of an authority's key might make with it. */

const CURVE = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' } as const;
const VALIDITY = { notBefore: Date.now() - 60_000, notAfter: Date.now() + 86_400_000 };

/** A server's certificate as the authority makes it, for any host. */
export function forgeLeaf(signer: Signer, host: string): Promise<KeyedCertificate> {
  return makeLeaf(signer, host, VALIDITY);
}

/** One with the host in the subject's common name, without alternative names. */
export async function forgeCommonName(signer: Signer, host: string): Promise<KeyedCertificate> {
  const { keys, certificate } = await forge(signer, `CN=${host}`, [
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
  ]);
  return { key: await pem(keys.privateKey), cert: chain(certificate, signer.certificate) };
}

/** One with several alternative names. */
export async function forgeNames(signer: Signer, hosts: readonly string[]): Promise<KeyedCertificate> {
  const names = hosts.map((value) => ({ type: 'dns' as const, value }));
  const { keys, certificate } = await forge(signer, '', [
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
    new x509.SubjectAlternativeNameExtension(names, true),
  ]);
  return { key: await pem(keys.privateKey), cert: chain(certificate, signer.certificate) };
}

/** One signed by an authority without constraints that the thief has made below the stolen one. */
export async function forgeBelow(signer: Signer, host: string): Promise<KeyedCertificate> {
  const { keys, certificate } = await forge(signer, 'CN=below', [
    new x509.BasicConstraintsExtension(true, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
  ]);
  const leaf = await makeLeaf({ key: keys.privateKey, certificate }, host, VALIDITY);
  return { key: leaf.key, cert: leaf.cert + chain(signer.certificate) };
}

async function forge(signer: Signer, subject: string, extensions: x509.Extension[]) {
  const keys = await webcrypto.subtle.generateKey(CURVE, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.create({
    notBefore: new Date(VALIDITY.notBefore),
    notAfter: new Date(VALIDITY.notAfter),
    subject,
    issuer: signer.certificate.subjectName,
    publicKey: keys.publicKey,
    signingKey: signer.key,
    signingAlgorithm: SIGNATURE,
    extensions: [
      ...extensions,
      await x509.AuthorityKeyIdentifierExtension.create(signer.certificate.publicKey),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { keys, certificate };
}

function chain(...certificates: readonly x509.X509Certificate[]): string {
  return certificates.map((certificate) => `${certificate.toString('pem')}\n`).join('');
}

async function pem(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}
