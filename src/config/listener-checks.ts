import { readCrls, TlsFileError } from '../http/tls.ts';
import { record, type Path, type Report } from './issues.ts';
import { DEFAULT_PORT } from './schema/listen.ts';
import { DEFAULT_OPERATOR_PORT } from './schema/operator.ts';
import { isLoopback } from '../loopback.ts';

const OPEN_OPERATOR_PORT =
  'anyone who reaches the operator port can spend logins of the accounts. ' +
  'Set operator.key, listen on 127.0.0.1, or set operator.allowAnonymous: true';

/** Checks of `listen` and `operator` against each other, and of their TLS files. */
export function checkListeners(raw: unknown, report: Report): void {
  const { clientCertificate, clientCaFile, clientCrlFile } = record(record(record(raw)['listen'])['tls']);
  if (clientCertificate === 'required' && clientCaFile === undefined) {
    report(
      ['listen', 'tls', 'clientCertificate'],
      'needs clientCaFile: without it no client certificate can be verified',
    );
  }
  const crl: Path = ['listen', 'tls', 'clientCrlFile'];
  if (clientCrlFile !== undefined && clientCaFile === undefined) {
    report(crl, 'needs clientCaFile: without it no client certificate is requested');
  }
  const problem = typeof clientCrlFile === 'string' && clientCrlFile !== '' ? crlProblem(clientCrlFile) : undefined;
  if (problem !== undefined) report(crl, problem);
  checkForward(raw, report);
  const { host, key, allowAnonymous } = record(record(raw)['operator']);
  if (typeof host === 'string' && !isLoopback(host) && key === undefined && allowAnonymous !== true) {
    report(['operator', 'host'], OPEN_OPERATOR_PORT);
  }
  const { port: written, socket } = record(record(raw)['listen']);
  // With a socket there is a port only if it is set.
  const port = Number(written ?? (socket === undefined ? DEFAULT_PORT : 0));
  const other = Number(record(record(raw)['operator'])['port'] ?? DEFAULT_OPERATOR_PORT);
  if (port !== 0 && port === other) report(['operator', 'port'], 'is the same as listen.port');
}

function checkForward(raw: unknown, report: Report): void {
  const { forward } = record(record(raw)['listen']);
  if (forward === undefined || forward === false) return;
  const routes = record(raw)['routes'];
  const hasHost = Array.isArray(routes) && routes.some((route) => record(route)['host'] !== undefined);
  const { tunnel } = record(forward);
  const entries = Array.isArray(tunnel) ? tunnel : [];
  if (!hasHost && entries.length === 0)
    report(['listen', 'forward'], 'has nothing to serve: no route has a host, and forward.tunnel names none');
  for (const [index, entry] of entries.entries()) {
    const name = typeof entry === 'string' ? entry.replace(/:\d+$/, '').replace(/^\[|\]$/g, '') : '';
    if (isLoopback(name)) report(['listen', 'forward', 'tunnel', index], 'is this host itself: never a tunnel');
  }
}

/** Why a file is not a revocation list; undefined: it is one. */
function crlProblem(path: string): string | undefined {
  try {
    readCrls(path);
    return undefined;
  } catch (error) {
    if (!(error instanceof TlsFileError)) throw error;
    return `the file ${error.message}`;
  }
}
