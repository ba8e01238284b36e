import { didYouMean, list, record, writtenListeners, type Report } from './issues.ts';
import { isLoopback } from '../loopback.ts';
import { rawRouteName } from './route-checks.ts';

const ANONYMOUS_LISTENER =
  'with callers: none, anyone who reaches the listener can use the accounts. ' +
  'Give each caller a key, listen on 127.0.0.1, or set allowAnonymous: true';

/** Checks of `callers`: how each one is recognised, and that no open access is unintended. */
export function checkCallers(raw: unknown, report: Report): void {
  const { callers, allowAnonymous } = record(raw);
  const listeners = writtenListeners(raw);
  const reachable = listeners.find(({ listen: { host, port, socket } }) => {
    // A host beside a socket without a port is reported elsewhere.
    return (socket === undefined || port !== undefined) && typeof host === 'string' && !isLoopback(host);
  });
  if (reachable !== undefined && (callers ?? 'none') === 'none' && allowAnonymous !== true) {
    report(callers === undefined ? [...reachable.at, 'host'] : ['callers'], ANONYMOUS_LISTENER);
  }
  const asksForCertificates = listeners.some(({ listen }) => record(listen['tls'])['clientCaFile'] !== undefined);
  const known = list(record(raw)['routes']).flatMap((route) => rawRouteName(route) ?? []);
  const names = new Set<unknown>();
  list(callers).forEach((item, index) => {
    const { name, routes, certificate, jwt } = record(item);
    if (certificate !== undefined && !asksForCertificates) {
      report(
        ['callers', index, 'certificate'],
        'needs listen.tls.clientCaFile: without it no client certificate is requested',
      );
    }
    if (jwt !== undefined && record(raw)['jwt'] === undefined) {
      report(['callers', index, 'jwt'], 'needs the section jwt: without it no JWT is accepted');
    }
    if (names.has(name) && name !== undefined) report(['callers', index, 'name'], 'is used twice');
    names.add(name);
    list(routes).forEach((route, at) => {
      if (typeof route === 'string' && !known.includes(route)) {
        report(['callers', index, 'routes', at], `no route has this name${didYouMean(route, known)}`);
      }
    });
  });
}
