import { BlockList, isIP } from 'node:net';

/*
 * NO_PROXY. proxy-from-env, which chooses the proxy, knows exact names, ".domain", "*.domain" and ports; here is what
 * curl, Go and Python support besides: networks (10.0.0.0/8), and names that include everything below.
 */

/** Read as proxy-from-env does: for each origin, the lower-case name first. */
export function noProxyOfEnvironment(): string {
  // eslint-disable-next-line no-restricted-properties
  return process.env['no_proxy'] || process.env['NO_PROXY'] || '';
}

/** True if NO_PROXY exempts the origin. An entry that cannot be parsed exempts nothing. */
export function isDirect(origin: string, noProxy: string): boolean {
  const { hostname, port, protocol } = new URL(origin);
  const host = hostname.replace(/^\[|\]$|\.$/g, '');
  const originPort = port === '' ? (protocol === 'https:' ? '443' : '80') : port;
  return noProxy
    .toLowerCase()
    .split(/[\s,]+/)
    .some((entry) => entry === '*' || (entry !== '' && covers(entry, host, originPort)));
}

function covers(entry: string, host: string, port: string): boolean {
  const [, address, network, bits] = /^(([^/]+)\/(\d{1,3}))$/.exec(entry) ?? [];
  if (address !== undefined) return isIP(host) !== 0 && inNetwork(host, network!, Number(bits));
  // An IPv6 address contains colons: with a port it is in brackets.
  const [, name = entry, only] = isIP(entry) === 6 ? [] : (/^(.*?)(?::(\d+))?$/.exec(entry) ?? []);
  if (only !== undefined && Number(only) !== Number(port)) return false;
  const bare = name.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
  if (isIP(host) !== 0) return isIP(bare) !== 0 && inNetwork(host, bare, isIP(bare) === 4 ? 32 : 128);
  // As in Go, a leading dot or star means everything below the name, not the name itself.
  const below = bare.replace(/^\*?\./, '.');
  return below.startsWith('.') ? host.endsWith(below) : bare !== '' && (host === bare || host.endsWith(`.${bare}`));
}

function inNetwork(host: string, network: string, bits: number): boolean {
  const family = isIP(network);
  if (family === 0 || bits > (family === 4 ? 32 : 128)) return false;
  const list = new BlockList();
  list.addSubnet(network, bits, family === 4 ? 'ipv4' : 'ipv6');
  return list.check(host, isIP(host) === 4 ? 'ipv4' : 'ipv6');
}
