import { createHash, createHmac, randomBytes, X509Certificate } from 'node:crypto';
import { bmpString, integer, nothing, octets, oid, sequence, setOf, tagged, utf16 } from './der.ts';

const OID = {
  data: '1.2.840.113549.1.7.1',
  certBag: '1.2.840.113549.1.12.10.1.3',
  x509Certificate: '1.2.840.113549.1.9.22.1',
  friendlyName: '1.2.840.113549.1.9.20',
  trustedKeyUsage: '2.16.840.1.113894.746875.1.1',
  anyExtendedKeyUsage: '2.5.29.37.0',
  sha256: '2.16.840.1.101.3.4.2.1',
};
const SALT_BYTES = 20;
/** As many as Java's keytool uses. */
const ITERATIONS = 10_000;
const DIGEST_BLOCK_BYTES = 64;
/** "MAC material" (RFC 7292 appendix B.3). */
const MAC_PURPOSE = 3;

/**
 * A PKCS #12 file (RFC 7292) with one certificate that Java reads as a trusted one: it wants the attribute
 * trustedKeyUsage, else it ignores a certificate without a key. The certificate is public and not encrypted; the
 * password only proves that the file is whole. SHA-256, as keytool of Java 17 makes it.
 */
export function trustStore(certificate: string, alias: string, password: string): Buffer {
  const bag = sequence(
    oid(OID.certBag),
    tagged(0, sequence(oid(OID.x509Certificate), tagged(0, octets(new X509Certificate(certificate).raw)))),
    setOf(
      sequence(oid(OID.friendlyName), setOf(bmpString(alias))),
      sequence(oid(OID.trustedKeyUsage), setOf(oid(OID.anyExtendedKeyUsage))),
    ),
  );
  const content = sequence(data(sequence(bag)));
  const salt = randomBytes(SALT_BYTES);
  const mac = createHmac('sha256', macKey(password, salt)).update(content).digest();
  const digestInfo = sequence(sequence(oid(OID.sha256), nothing()), octets(mac));
  return sequence(integer(3), data(content), sequence(digestInfo, octets(salt), integer(ITERATIONS)));
}

function data(content: Buffer): Buffer {
  return sequence(oid(OID.data), tagged(0, octets(content)));
}

/** RFC 7292 appendix B.2 for a key of one digest's length. */
function macKey(password: string, salt: Buffer): Buffer {
  const diversifier = Buffer.alloc(DIGEST_BLOCK_BYTES, MAC_PURPOSE);
  const secret = Buffer.concat([utf16(password), Buffer.alloc(2)]);
  let key = Buffer.concat([diversifier, filled(salt), filled(secret)]);
  for (let round = 0; round < ITERATIONS; round += 1) key = createHash('sha256').update(key).digest();
  return key;
}

/** Repeated up to whole blocks. */
function filled(bytes: Buffer): Buffer {
  return Buffer.alloc(Math.ceil(bytes.length / DIGEST_BLOCK_BYTES) * DIGEST_BLOCK_BYTES, bytes);
}
