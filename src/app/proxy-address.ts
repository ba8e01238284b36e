import type { AddressInfo } from 'node:net';

/** Where clients connect to a listener: address and port, the path of a Unix socket, or both. */
export interface ProxyAddress extends Partial<AddressInfo> {
  /** HTTPS on the port. */
  readonly tls?: true;
  readonly socket?: string;
}

/** The addresses for people: `http://127.0.0.1:8080`, `unix:/run/tokenward/proxy.sock`, or several. */
export function showProxyAddresses(addresses: readonly ProxyAddress[]): string {
  return addresses
    .flatMap(({ address, port, tls, socket }) => [
      ...(address === undefined ? [] : [`${tls === true ? 'https' : 'http'}://${bracketed(address)}:${port ?? 0}`]),
      ...(socket === undefined ? [] : [`unix:${socket}`]),
    ])
    .join(', ');
}

/** A host as in a URL: an IPv6 address in brackets. */
export function bracketed(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}
