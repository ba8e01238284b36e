import type { AddressInfo } from 'node:net';

/** Where clients connect: address and port, the path of a Unix socket, or both. */
export interface ProxyAddress extends Partial<AddressInfo> {
  readonly socket?: string;
}

/** The address for people: `http://127.0.0.1:8080`, `unix:/run/tokenward/proxy.sock`, or both. */
export function showProxyAddress({ address, port, socket }: ProxyAddress): string {
  return [
    ...(address === undefined ? [] : [`http://${bracketed(address)}:${port ?? 0}`]),
    ...(socket === undefined ? [] : [`unix:${socket}`]),
  ].join(', ');
}

/** A host as in a URL: an IPv6 address in brackets. */
export function bracketed(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}
