import { isIP } from 'node:net';
import { parseUrl } from '../parse-url.ts';

/**
 * A host as it is compared: in lower case, without the brackets of an IPv6 address and without the final dot of an
 * absolute name. Internationalised names are in their ASCII form already.
 */
export function hostName(host: string): string {
  const bare = /^\[(.*)\]$/.exec(host)?.[1] ?? host.replace(/\.$/, '');
  const lower = bare.toLowerCase();
  // One address has many forms; the URL standard's is the shortest. It knows no zones ("%eth0").
  return isIP(lower) === 6 ? (shortest(lower) ?? lower) : lower;
}

/** The bytes of an IP address; undefined: it is a name. */
export function addressBytes(host: string): Buffer | undefined {
  if (isIP(host) === 4) return Buffer.from(host.split('.').map(Number));
  const address = isIP(host) === 6 ? shortest(host) : undefined;
  if (address === undefined) return undefined;
  const [before, after] = address.split('::').map((half) => half.split(':').filter((group) => group !== ''));
  const given = [...before!, ...(after ?? [])];
  const groups = [...before!, ...Array.from({ length: 8 - given.length }, () => '0'), ...(after ?? [])];
  return Buffer.from(groups.map((group) => group.padStart(4, '0')).join(''), 'hex');
}

/** An IPv6 address in groups of hexadecimal digits, with its zeros left out. */
function shortest(address: string): string | undefined {
  return parseUrl(`http://[${address}]`)?.hostname.slice(1, -1);
}
