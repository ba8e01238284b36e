import { TokenwardError } from '../errors.ts';

/** The target of a CONNECT. */
export interface ConnectTarget {
  /** In lower case, without brackets and trailing dot. */
  readonly host: string;
  readonly port: number;
}

const FORM = /^(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9._~-]{1,255})):(\d{1,5})$/;

/** Reads a target in authority form (RFC 9112 §3.2.3). Throws a TokenwardError. */
export function authorityForm(target: string): ConnectTarget {
  const [, v6, name, digits] = FORM.exec(target) ?? [];
  const port = Number(digits);
  const host = (v6 ?? name)?.toLowerCase().replace(/\.$/, '');
  if (host === undefined || host === '' || !(port >= 1 && port <= 65_535))
    throw new TokenwardError('request_target_refused', { detail: 'CONNECT needs a host and a port: example.com:443' });
  return { host, port };
}
