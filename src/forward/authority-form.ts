import { isIPv6 } from 'node:net';
import { TokenwardError } from '../errors.ts';
import { parseUrl } from '../parse-url.ts';

/** The target of a CONNECT. */
export interface ConnectTarget {
  /** In lower case, without brackets and trailing dot. An IPv4 address is in four decimal numbers. */
  readonly host: string;
  readonly port: number;
}

const FORM = /^(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9._~-]{1,254})):(\d{1,5})$/;

/** Reads a target in authority form (RFC 9112 §3.2.3). Throws a TokenwardError. */
export function authorityForm(target: string): ConnectTarget {
  const [, v6, name, digits] = FORM.exec(target) ?? [];
  const port = Number(digits);
  const host = name === undefined ? v6AddressOf(v6) : hostOf(name);
  if (host === undefined || !(port >= 1 && port <= 65_535))
    throw new TokenwardError('request_target_refused', { detail: 'CONNECT needs a host and a port: example.com:443' });
  return { host, port };
}

function v6AddressOf(text: string | undefined): string | undefined {
  return text !== undefined && isIPv6(text) ? text.toLowerCase() : undefined;
}

/**
 * Resolvers and URL parsers read `127.1`, `0x7f000001` or `2130706433` as an address, so that it must be one here, too,
 * and is checked as one. What a URL parser refuses could not be named to the egress proxy.
 */
function hostOf(name: string): string | undefined {
  const host = name.toLowerCase().replace(/\.$/, '');
  return host.split('.').includes('') ? undefined : parseUrl(`https://${host}`)?.hostname;
}
