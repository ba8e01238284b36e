import { implicit, sequence, tagged } from './der.ts';
import { addressBytes } from './host-name.ts';

/**
 * Nobody can own a name below it (RFC 6761 §6.4): permitted where no name is, since a list without names permits all.
 */
const NO_NAME = 'invalid';

/**
 * The name constraints (RFC 5280 §4.2.1.10) that permit these hosts and nothing else, in DER. `hosts` as hostName makes
 * them.
 *
 * A permitted name also permits every name below it. `.name` as an excluded name takes those away again, unless one of
 * them is a host itself. The RFC knows no leading dot in a DNS name; OpenSSL, Go and Java 17 read it as "at least one
 * label more", as the RFC does for URIs. A verifier that does not would take it for a name that no certificate has, and
 * permit the names below: nothing else is lost.
 */
export function nameConstraints(hosts: readonly string[]): Buffer {
  const addresses = hosts.map(addressBytes).filter((bytes) => bytes !== undefined);
  const names = hosts.filter((host) => addressBytes(host) === undefined);
  const permitted = [
    ...(names.length === 0 ? [NO_NAME] : names).map(dnsSubtree),
    ...addresses.map((bytes) => addressSubtree(bytes, Buffer.alloc(bytes.length, 0xff))),
  ];
  const below = names.filter((name) => !names.some((other) => other.endsWith(`.${name}`)));
  // A permitted address forbids all others by itself, and Java fails when it compares one with an excluded family that
  // is not its own.
  const families = addresses.length === 0 ? [4, 16] : [];
  const excluded = [
    ...below.map((name) => dnsSubtree(`.${name}`)),
    ...families.map((length) => addressSubtree(Buffer.alloc(length), Buffer.alloc(length))),
  ];
  return sequence(tagged(0, ...permitted), ...(excluded.length === 0 ? [] : [tagged(1, ...excluded)]));
}

function dnsSubtree(name: string): Buffer {
  return sequence(implicit(2, Buffer.from(name, 'latin1')));
}

function addressSubtree(address: Buffer, mask: Buffer): Buffer {
  return sequence(implicit(7, Buffer.concat([address, mask])));
}
