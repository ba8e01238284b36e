import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { record, writtenListeners, type Path, type Report } from './issues.ts';
import { SOCKET_MODE, type Listener } from './schema/listen.ts';

/*
 * Checks of `listen.socket` beyond the schema: rules across keys, and the socket's folder. They read the values as they
 * are written, like those of account-checks.ts.
 */

const ANONYMOUS_SOCKET =
  'with callers: none and this mode, every user of this host can use the accounts. ' +
  'Give each caller a key, set a mode such as "0660", or set allowAnonymous: true';
const REPLACEABLE =
  'every user may write to its folder and so replace the socket with another one, which would get the ' +
  "callers' keys and requests. Choose another folder, or remove that permission";
const MISSING = 'its directory does not exist; it must exist when tokenward starts';

/** Reports what cannot work, or opens access that is hardly intended. */
export function checkListenSocket(raw: unknown, report: Report): void {
  const { callers, allowAnonymous } = record(raw);
  const anonymous = (callers ?? 'none') === 'none' && allowAnonymous !== true;
  for (const { at, listen } of writtenListeners(raw)) {
    checkSocket(listen, anonymous, (key, message) => report([...at, key], message));
  }
}

function checkSocket(
  listen: Readonly<Record<string, unknown>>,
  anonymous: boolean,
  report: (key: string, message: string) => void,
): void {
  const { socket, socketMode, host, port, tls } = listen;
  if (socket === undefined) {
    if (socketMode !== undefined) report('socketMode', 'needs listen.socket');
    return;
  }
  if (port === undefined) {
    const needsPort = 'needs a port: with listen.socket and no listen.port there is only the socket';
    if (host !== undefined) report('host', needsPort);
    if (tls !== undefined) {
      report('tls', `${needsPort}. The socket speaks plain HTTP: what is sent on it does not leave the host`);
    }
  }
  if (anonymous && isWorldWritable(socketMode)) report('socketMode', ANONYMOUS_SOCKET);
  if (typeof socket === 'string' && folderOf(socket) === 'open to all') report('socket', REPLACEABLE);
}

/** A folder that is missing now may exist at the start: systemd makes it (RuntimeDirectory=). */
export function warnOfSocketFolders(raw: unknown, listeners: readonly Listener[], warn: Report): void {
  const places = writtenListeners(raw).map(({ at }): Path => [...at, 'socket']);
  for (const [index, { socket }] of listeners.entries())
    if (socket !== undefined && folderOf(socket) === 'missing') warn(places[index]!, MISSING);
}

/** Whether more than owner and group may connect, which needs write permission. */
function isWorldWritable(mode: unknown): boolean {
  return typeof mode === 'string' && SOCKET_MODE.test(mode) && (Number.parseInt(mode, 8) & 0o002) !== 0;
}

/** In a folder that everyone may write, everyone may replace a file, unless the sticky bit is set (/tmp). */
function folderOf(socket: string): 'missing' | 'open to all' | 'fine' {
  try {
    const found = statSync(dirname(socket));
    if (!found.isDirectory()) return 'missing';
    return (found.mode & 0o002) !== 0 && (found.mode & 0o1000) === 0 ? 'open to all' : 'fine';
  } catch (error) {
    // A folder that cannot be accessed is reported at the start.
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'missing' : 'fine';
  }
}
