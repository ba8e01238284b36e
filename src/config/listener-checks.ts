import { resolve } from 'node:path';
import { readNamedTlsFiles } from '../http/certificate-names.ts';
import { readCrls, readTlsFiles, TlsFileError } from '../http/tls.ts';
import { dotted, list, record, writtenListeners, type Path, type Report } from './issues.ts';
import { DEFAULT_HOST, DEFAULT_PORT } from './schema/listen.ts';
import { DEFAULT_OPERATOR_PORT } from './schema/operator.ts';
import { isLoopback } from '../loopback.ts';

const OPEN_OPERATOR_PORT =
  'anyone who reaches the operator port can spend logins of the accounts. ' +
  'Set operator.key, listen on 127.0.0.1, or set operator.allowAnonymous: true';

type Written = Readonly<Record<string, unknown>>;

/** Checks of `listen` and `operator` against each other, and of their TLS files. */
export function checkListeners(raw: unknown, report: Report): void {
  const listeners = writtenListeners(raw);
  for (const { at, listen } of listeners) {
    const tls = record(listen['tls']);
    if (tls === listen['tls']) checkCertificates(tls, [...at, 'tls'], report);
    if (tls['authority'] === true && !someRouteHasHost(raw))
      report([...at, 'tls', 'authority'], 'has nothing to sign for: no route has a host');
    checkClientCertificates(tls, [...at, 'tls'], report);
    checkForward(raw, listen, [...at, 'forward'], report);
  }
  checkPlaces(listeners, report);
  const { host, key, allowAnonymous } = record(record(raw)['operator']);
  if (typeof host === 'string' && !isLoopback(host) && key === undefined && allowAnonymous !== true) {
    report(['operator', 'host'], OPEN_OPERATOR_PORT);
  }
  const other = Number(record(record(raw)['operator'])['port'] ?? DEFAULT_OPERATOR_PORT);
  const same = listeners.find(({ listen }) => portOf(listen) !== 0 && portOf(listen) === other);
  if (same !== undefined) report(['operator', 'port'], `is the same as ${dotted([...same.at, 'port'])}`);
}

/** Two listeners at one place: the second could not start. */
function checkPlaces(listeners: ReturnType<typeof writtenListeners>, report: Report): void {
  for (const [index, { at, listen }] of listeners.entries()) {
    for (const earlier of listeners.slice(0, index)) {
      const where = dotted(earlier.at);
      if (isSamePort(listen, earlier.listen))
        report([...at, 'port'], `${where} has this port already, at the same address`);
      const { socket } = listen;
      const other = earlier.listen['socket'];
      if (typeof socket === 'string' && typeof other === 'string' && resolve(socket) === resolve(other))
        report([...at, 'socket'], `${where} has this socket already`);
    }
  }
}

/** 0: no port, or any that is free. With a socket there is a port only if it is set. */
function portOf({ port, socket }: Written): number {
  return Number(port ?? (socket === undefined ? DEFAULT_PORT : 0));
}

function isSamePort(a: Written, b: Written): boolean {
  if (portOf(a) === 0 || portOf(a) !== portOf(b)) return false;
  const hosts = [a, b].map(({ host }) => (typeof host === 'string' ? host.toLowerCase() : DEFAULT_HOST));
  // "::" is every address of IPv4, too.
  return (
    hosts[0] === hosts[1] ||
    hosts.includes('::') ||
    (hosts.includes('0.0.0.0') && !hosts.some((host) => host.includes(':')))
  );
}

/** What is in certFile and keyFile is found out at the start. */
function checkCertificates(tls: Written, at: Path, report: Report): void {
  const { certFile, keyFile, certificates } = tls;
  const others = certificates !== undefined || tls['authority'] === true;
  const needed = !others || certFile !== undefined || keyFile !== undefined;
  if (needed && certFile === undefined) report([...at, 'certFile'], 'is missing');
  if (needed && keyFile === undefined) report([...at, 'keyFile'], 'is missing');
  for (const [index, pair] of list(certificates).entries()) {
    const files = record(pair);
    if (typeof files['certFile'] !== 'string' || files['certFile'] === '') continue;
    const cert = { certFile: files['certFile'], minVersion: 'TLSv1.2' } as const;
    const place = [...at, 'certificates', index];
    const problem = tlsFileProblem(() => readNamedTlsFiles(cert));
    if (problem !== undefined) report([...place, 'certFile'], `the file ${problem}`);
    else if (typeof files['keyFile'] === 'string' && files['keyFile'] !== '') {
      const keyFile = files['keyFile'];
      const keyProblem = tlsFileProblem(() => readTlsFiles({ keyFile, minVersion: 'TLSv1.2' }));
      if (keyProblem !== undefined) report([...place, 'keyFile'], `the file ${keyProblem}`);
      else if (tlsFileProblem(() => readTlsFiles({ ...cert, keyFile })) !== undefined)
        report([...place, 'keyFile'], `the key in ${keyFile} does not belong to the certificate in ${cert.certFile}`);
    }
  }
}

function checkClientCertificates(tls: Written, at: Path, report: Report): void {
  const { clientCertificate, clientCaFile, clientCrlFile } = tls;
  if (clientCertificate === 'required' && clientCaFile === undefined) {
    report([...at, 'clientCertificate'], 'needs clientCaFile: without it no client certificate can be verified');
  }
  const crl: Path = [...at, 'clientCrlFile'];
  if (clientCrlFile !== undefined && clientCaFile === undefined) {
    report(crl, 'needs clientCaFile: without it no client certificate is requested');
  }
  const file = typeof clientCrlFile === 'string' && clientCrlFile !== '' ? clientCrlFile : undefined;
  const problem = file === undefined ? undefined : tlsFileProblem(() => readCrls(file));
  if (problem !== undefined) report(crl, `the file ${problem}`);
}

function checkForward(raw: unknown, { forward }: Written, at: Path, report: Report): void {
  if (forward === undefined || forward === false) return;
  const { tunnel } = record(forward);
  const entries = Array.isArray(tunnel) ? tunnel : [];
  if (!someRouteHasHost(raw) && entries.length === 0)
    report(at, 'has nothing to serve: no route has a host, and forward.tunnel names none');
  for (const [index, entry] of entries.entries()) {
    const name = typeof entry === 'string' ? entry.replace(/:\d+$/, '').replace(/^\[|\]$/g, '') : '';
    if (isLoopback(name)) report([...at, 'tunnel', index], 'is this host itself: never a tunnel');
  }
}

function someRouteHasHost(raw: unknown): boolean {
  const routes = record(raw)['routes'];
  return Array.isArray(routes) && routes.some((route) => record(route)['host'] !== undefined);
}

/** Why a file cannot be used, beginning with its path; undefined: it can. */
function tlsFileProblem(read: () => unknown): string | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    if (!(error instanceof TlsFileError)) throw error;
    return error.message;
  }
}
