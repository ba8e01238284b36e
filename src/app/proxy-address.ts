import type { AddressInfo } from 'node:net';

/** Where callers reach a tokenward: address and port, the path of a Unix socket, or both. */
export interface ProxyAddress extends Partial<AddressInfo> {
  readonly socket?: string;
}

/** As it is shown to people: `http://127.0.0.1:8080`, `unix:/run/tokenward/proxy.sock`, or both. */
export function showProxyAddress({ address, port, socket }: ProxyAddress): string {
  return [
    ...(address === undefined ? [] : [`http://${bracketed(address)}:${port ?? 0}`]),
    ...(socket === undefined ? [] : [`unix:${socket}`]),
  ].join(', ');
}

/** A host as URLs want it: an IPv6 address in brackets. */
export function bracketed(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}
