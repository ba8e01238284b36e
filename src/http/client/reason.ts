import type { TokenwardError } from '../../errors.ts';
import { DialError } from './dial.ts';

/** What the code of a failed connection means, and what to do about it. */
const DESCRIPTIONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there, or a firewall refuses the connection',
  ENOTFOUND: 'the host name does not exist',
  EAI_AGAIN: 'the host name could not be resolved, because DNS does not respond',
  EHOSTUNREACH: 'no network route leads to that address',
  ENETUNREACH: 'no network route leads to that address',
  ENETDOWN: 'the network is down',
  ECONNRESET: 'the connection was closed while it was being made',
  EACCES: 'this system forbids the connection',
  EPERM: 'this system forbids the connection',
  EMFILE: 'this process has no file descriptor left',
  ENFILE: 'this system has no file descriptor left',
  EADDRNOTAVAIL: 'this system has no free local port left',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host name',
  PROXY_407: 'the egress proxy requires a user and a password, which its URL can hold',
  PROXY_BROKEN: 'the egress proxy sent no valid response to CONNECT',
};
const UNTRUSTED = /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_)/;
const TLS = /CERT|SSL|TLS|UNABLE_TO|SELF_SIGNED|ALTNAME|EPROTO/;

/** The time limits of a route, or of a request to a token endpoint. ms; 0: no limit. */
interface Limits {
  readonly connect: number;
  readonly firstByte: number;
}

/** Whose settings apply. An account has no configurable time limits. */
type Owner = 'route' | 'account';

/** No connection could be made. */
export function isUnreachable(error: TokenwardError): boolean {
  return error.cause instanceof DialError;
}

/**
 * Why there is no usable response, in words for an operator. The text holds Node's codes, and nothing that the upstream
 * sent.
 */
export function reasonOf(error: TokenwardError, limits: Limits, owner: Owner = 'route'): string {
  const { cause, code, detail } = error;
  if (cause instanceof DialError) return dialReason(cause, limits, owner);
  if (code === 'upstream_timeout')
    return `no response within ${seconds(limits.firstByte)}${setting(owner, 'firstByte')}`;
  if (detail !== undefined) return `its response is not HTTP/1.1: ${detail}`;
  const errno = (cause as NodeJS.ErrnoException | undefined)?.code;
  return errno === undefined
    ? 'it closed the connection before its response'
    : `the connection broke before its response (${errno})`;
}

function dialReason({ code, proxy }: DialError, limits: Limits, owner: Owner): string {
  const tls = TLS.test(code) && !code.startsWith('PROXY');
  const description =
    code === 'ETIMEDOUT' && limits.connect > 0
      ? `no connection within ${seconds(limits.connect)}${setting(owner, 'connect')}`
      : code === 'ETIMEDOUT'
        ? 'no connection in time'
        : UNTRUSTED.test(code)
          ? `no trusted authority has signed its certificate; the ${owner}'s tls.caFile can name one`
          : code.startsWith('PROXY_')
            ? (DESCRIPTIONS[code] ?? `the egress proxy responded to CONNECT with ${code.slice('PROXY_'.length)}`)
            : (DESCRIPTIONS[code] ?? (tls ? 'the TLS handshake failed' : 'no connection could be made'));
  return `${proxy === undefined ? '' : `egress proxy ${proxy}: `}${description} (${tls ? `TLS: ${code}` : code})`;
}

function setting(owner: Owner, name: string): string {
  return owner === 'route' ? ` (the route's timeouts.${name})` : '';
}

function seconds(ms: number): string {
  return `${ms / 1000} s`;
}
