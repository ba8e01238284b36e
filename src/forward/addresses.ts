import { lookup, type LookupAddress } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { networkInterfaces } from 'node:os';

/*
 * Where a blind tunnel must never lead: to this host itself, to the link, and to the addresses under which clouds hand
 * out credentials. Names are resolved here and the connection is made to what was checked, so that a second answer of
 * the resolver changes nothing (DNS rebinding).
 */

const NEVER = new BlockList();
for (const [network, bits] of [
  ['0.0.0.0', 8], // this host (RFC 1122 §3.2.1.3)
  ['127.0.0.0', 8],
  ['169.254.0.0', 16], // link-local, and the metadata of most clouds
  ['224.0.0.0', 4], // multicast
  ['240.0.0.0', 4], // reserved, broadcast
  ['100.100.100.200', 32], // metadata of Alibaba Cloud
  ['168.63.129.16', 32], // the host agent of Azure
  ['192.0.0.192', 32], // metadata of Oracle Cloud
] as const)
  NEVER.addSubnet(network, bits, 'ipv4');
for (const [network, bits] of [
  ['::', 127], // unspecified and loopback
  ['fe80::', 10],
  ['ff00::', 8],
  ['fd00:ec2::', 32], // metadata and credentials of AWS
  ['fd00:42::42', 128], // metadata of Scaleway
  ['fd20:ce::254', 128], // metadata of Google Cloud
  // An IPv4 address within an IPv6 one: a translator on the way could turn it into any of those above.
  ['::ffff:0:0:0', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['2002::', 16],
  ['2001::', 32],
] as const)
  NEVER.addSubnet(network, bits, 'ipv6');

/** Whether a tunnel may lead to this IP address. */
export function mayTunnelTo(address: string): boolean {
  const family = isIP(address);
  if (family === 0) return false;
  const mapped = family === 6 ? mappedV4(address) : undefined;
  if (mapped !== undefined) return mayTunnelTo(mapped);
  return !NEVER.check(address, family === 4 ? 'ipv4' : 'ipv6') && !isOwn(address);
}

/** Looks a name up for `net.connect`, and leaves out addresses to which no tunnel may lead. */
export const lookupForTunnel: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, found: LookupAddress[]) => {
    const allowed = error === null ? found.filter(({ address }) => mayTunnelTo(address)) : [];
    if (allowed.length > 0) {
      if (options.all === true) callback(null, allowed);
      else callback(null, allowed[0]!.address, allowed[0]!.family);
      return;
    }
    callback(error ?? Object.assign(new Error(FORBIDDEN), { code: FORBIDDEN }), '');
  });
};

/** The code of an error when a name has only addresses to which no tunnel may lead. */
export const FORBIDDEN = 'FORBIDDEN_ADDRESS';

/** The interfaces may change at any time, and tunnels are rare. */
function isOwn(address: string): boolean {
  const list = new BlockList();
  for (const { address: own, family } of Object.values(networkInterfaces()).flatMap((all) => all ?? []))
    list.addAddress(own, family === 'IPv4' ? 'ipv4' : 'ipv6');
  return list.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6');
}

/** The IPv4 address that an IPv6 one maps (::ffff:0:0/96) or that is compatible with it (::/96). */
function mappedV4(address: string): string | undefined {
  const url = new URL(`http://[${address.split('%')[0]}]/`);
  const [, high, low] = /^\[::(?:ffff:)?([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/.exec(url.hostname) ?? [];
  if (high === undefined || low === undefined) return undefined;
  const [a, b] = [Number.parseInt(high, 16), Number.parseInt(low, 16)];
  return [a >> 8, a & 255, b >> 8, b & 255].join('.');
}
