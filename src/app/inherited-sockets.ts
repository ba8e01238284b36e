import { readFileSync, readlinkSync, statSync } from 'node:fs';
import { isIPv4 } from 'node:net';
import { ListenError } from '../http/server/listen.ts';
import { isLoopback } from '../loopback.ts';
import { bracketed } from './proxy-address.ts';

/** A listening socket that this process was started with. */
export type InheritedSocket = PortSocket | { readonly fd: number; readonly path: string };

interface PortSocket {
  readonly fd: number;
  readonly host: string;
  readonly port: number;
}

/** A listener of the configuration: a port, the path of a Unix socket, or both. `name`: for errors. */
interface ConfiguredListener {
  readonly name: string;
  readonly host: string;
  readonly port?: number | undefined;
  readonly socket?: string | undefined;
}

/** The first descriptor that systemd passes (sd_listen_fds(3)). */
const FIRST_FD = 3;

/**
 * The listening sockets of a process that systemd has started by socket activation. A listener that is configured for
 * the address of one uses it instead of binding its own: the socket outlives the process, so that connections wait
 * during a restart and none is refused.
 */
export class InheritedSockets {
  readonly all: readonly InheritedSocket[];

  constructor(all: readonly InheritedSocket[]) {
    this.all = all;
  }

  /**
   * Those that the environment names, whose variables are removed: they are not for child processes. Throws a
   * ListenError for a descriptor that is no listening socket.
   */
  static take(environment: NodeJS.ProcessEnv, pid = process.pid): InheritedSockets {
    const { LISTEN_PID: forPid, LISTEN_FDS: count = '' } = environment;
    for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES']) Reflect.deleteProperty(environment, name);
    if (forPid !== String(pid) || !/^[1-9]\d{0,2}$/.test(count)) return new InheritedSockets([]);
    return new InheritedSockets(Array.from({ length: Number(count) }, (_, index) => socketOf(FIRST_FD + index)));
  }

  /**
   * The descriptor for a configured host and port; undefined: there is none. Throws a ListenError if the only ones of
   * this port are at another address, or if others than the configuration says could reach them.
   */
  portOf(host: string, port: number, listenerName: string): number | undefined {
    const ofPort = this.all.filter((one) => 'port' in one && one.port === port) as PortSocket[];
    const found = ofPort.find((one) => isSame(host, one.host)) ?? ofPort.find((one) => isWithin(host, one.host));
    if (found !== undefined) return found.fd;
    const [other] = ofPort;
    if (other === undefined) return undefined;
    const reach = isLoopback(other.host) ? '' : ', which other hosts can reach';
    throw new ListenError(
      `Cannot listen on ${bracketed(host)}:${port} (${listenerName}): the socket that systemd passes for it is ` +
        `${bracketed(other.host)}:${port}${reach}. Write ListenStream=${bracketed(host)}:${port}, or another host.`,
    );
  }

  /** The same for a Unix socket. `mode`: what its file may allow at most. */
  pathOf(path: string, mode: number, listenerName: string): number | undefined {
    const found = this.all.find((one) => 'path' in one && one.path === path);
    if (found === undefined) return undefined;
    const wider = statSync(path, { throwIfNoEntry: false })?.mode ?? 0;
    if ((wider & 0o777 & ~mode) === 0) return found.fd;
    throw new ListenError(
      `Cannot listen on ${path} (${listenerName}): the socket that systemd passes for it has mode ` +
        `${octal(wider)}, and socketMode is ${octal(mode)}. Write SocketMode=${octal(mode)}.`,
    );
  }

  /** Whether one is at this path. */
  hasPath(path: string): boolean {
    return this.all.some((one) => 'path' in one && one.path === path);
  }

  /** Throws a ListenError if a socket belongs to none of these: its clients would wait for ever. */
  requireUse(listeners: readonly ConfiguredListener[]): void {
    const used = listeners.flatMap(({ host, port, name, socket }) => [
      port === undefined ? undefined : this.portOf(host, port, name),
      this.all.find((one) => 'path' in one && one.path === socket)?.fd,
    ]);
    const unused = this.all.filter(({ fd }) => !used.includes(fd));
    if (unused.length === 0) return;
    throw new ListenError(
      `systemd passes ${unused.map(describe).join(' and ')}, for which nothing is configured. The port or path of ` +
        'each ListenStream must be that of a listener (listen) or of the operator port (operator).',
    );
  }
}

function isSame(configured: string, bound: string): boolean {
  return bracketed(configured).toLowerCase() === bracketed(bound);
}

/** Whether everyone who reaches the socket may reach the configured host as well. */
function isWithin(configured: string, bound: string): boolean {
  return isEverywhere(configured) || (isLoopback(configured) && isLoopback(bound));
}

function isEverywhere(host: string): boolean {
  return host === '0.0.0.0' || host === '::' || host === '[::]';
}

function describe(one: InheritedSocket): string {
  return 'port' in one ? `a socket on ${bracketed(one.host)}:${one.port}` : `a socket at ${one.path}`;
}

function octal(mode: number): string {
  return `0${(mode & 0o777).toString(8)}`;
}

/** The kernel's tables say where a socket is bound; Node could tell only by listening on it. */
function socketOf(fd: number): InheritedSocket {
  const inode = /^socket:\[(\d+)\]$/.exec(linkOf(fd))?.[1];
  const rows = (table: string): string[][] =>
    textOf(`/proc/self/net/${table}`)
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/));
  if (inode !== undefined) {
    for (const table of ['tcp', 'tcp6']) {
      const row = rows(table).find((columns) => columns[9] === inode && columns[3] === LISTENING);
      if (row !== undefined) return { fd, ...addressOf(row[1]!) };
    }
    // Streams that listen only. A path with spaces is not worth the trouble.
    const row = rows('unix').find((columns) => columns[6] === inode && columns[4] === STREAM);
    if (row?.[7] !== undefined) return { fd, path: row[7] };
  }
  throw new ListenError(
    `systemd passes descriptor ${fd}, which is no listening stream socket. A socket unit needs ListenStream= and ` +
      'Accept=no.',
  );
}

/** TCP_LISTEN and SOCK_STREAM, as the tables write them. */
const LISTENING = '0A';
const STREAM = '0001';

/** `0100007F:1F90` is 127.0.0.1:8080: 32-bit words in the order of the processor, and the port. */
function addressOf(text: string): { host: string; port: number } {
  const [words = '', port = ''] = text.split(':');
  const bytes = (words.match(/.{8}/g) ?? []).flatMap((word) => [...Buffer.from(word, 'hex').reverse()]);
  if (bytes.length === 4) return { host: bytes.join('.'), port: Number.parseInt(port, 16) };
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((bytes[2 * index]! << 8) | bytes[2 * index + 1]!).toString(16),
  );
  const host = new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1);
  const mapped = bytes.slice(0, 12).every((byte, index) => byte === (index < 10 ? 0 : 0xff));
  const last = bytes.slice(12).join('.');
  return { host: mapped && isIPv4(last) ? last : host, port: Number.parseInt(port, 16) };
}

function linkOf(fd: number): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return '';
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
