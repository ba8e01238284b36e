import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import dns from 'node:dns';
import { connect, type Socket } from 'node:net';
import { FaultProxy } from './fault-proxy.ts';
import { tcpServer } from './wire.ts';

/** A way to a server that can be closed so that no byte of a request gets through, and that knows who tried. */
export interface Way {
  /** Where the client is to go. */
  readonly url: string;
  /** Monotonic ms at which somebody tried, while the way was closed. */
  readonly attempts: readonly number[];
  shut(): Promise<void>;
  open(): Promise<void>;
  close(): Promise<void>;
}

/** Nobody listens: connections are refused. */
export async function refusedWay(target: string): Promise<Way> {
  const link = await FaultProxy.start(target);
  const port = Number(new URL(link.url).port);
  const attempts: number[] = [];
  let shut = false;
  // Nobody sees a refused connection but the one who tried: so it is this process that is asked.
  const onSocket = (message: unknown): void => {
    const { socket } = message as { socket: Socket };
    socket.on('connectionAttempt', (_address: string, to: number) => {
      if (shut && to === port) attempts.push(performance.now());
    });
  };
  subscribe('net.client.socket', onSocket);
  return {
    url: link.url,
    attempts,
    async shut() {
      shut = true;
      await link.set({ connect: 'refuse' });
    },
    async open() {
      shut = false;
      await link.clear();
    },
    async close() {
      unsubscribe('net.client.socket', onSocket);
      await link.close();
    },
  };
}

type Found = (error: Error | null, address?: unknown, family?: number) => void;

const realLookup = dns.lookup;
/** Names of these tests, and what is asked when somebody looks one up. True: it is known. */
const ownNames = new Map<string, () => boolean>();
let names = 0;

/** In place of the system's look-up while there are names of our own. */
function lookup(host: string, options: { all?: boolean }, done: Found): void {
  const known = ownNames.get(host);
  if (known === undefined) (realLookup as (host: string, options: object, done: Found) => void)(host, options, done);
  else if (!known())
    setImmediate(
      done,
      Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), {
        code: 'ENOTFOUND',
        syscall: 'getaddrinfo',
        hostname: host,
      }),
    );
  else if (options.all === true) setImmediate(done, null, [{ address: '127.0.0.1', family: 4 }]);
  else setImmediate(done, null, '127.0.0.1', 4);
}

/** The server's name is not known. */
export async function unknownNameWay(target: string): Promise<Way> {
  names += 1;
  const name = `token-endpoint-${names}.test`;
  const attempts: number[] = [];
  let shut = false;
  ownNames.set(name, () => {
    if (shut) attempts.push(performance.now());
    return !shut;
  });
  dns.lookup = lookup as unknown as typeof dns.lookup;
  return {
    url: target.replace('127.0.0.1', name),
    attempts,
    async shut() {
      shut = true;
    },
    async open() {
      shut = false;
    },
    async close() {
      ownNames.delete(name);
      if (ownNames.size === 0) dns.lookup = realLookup;
    },
  };
}

/**
 * The connection is made, and reset or led to `instead` (a server with another certificate) before the TLS handshake is
 * done.
 */
export async function tlsWay(target: string, instead: string | undefined): Promise<Way> {
  const attempts: number[] = [];
  let shut = false;
  const server = await tcpServer((near) => {
    if (shut) attempts.push(performance.now());
    const goal = shut ? instead : target;
    if (goal === undefined) {
      near.resetAndDestroy();
      return;
    }
    const far = connect(Number(new URL(goal).port), '127.0.0.1');
    far.on('error', () => near.destroy()).on('close', () => near.destroy());
    near.on('close', () => far.destroy());
    near.pipe(far).pipe(near);
  });
  return {
    url: server.url.replace('http:', 'https:'),
    attempts,
    async shut() {
      shut = true;
    },
    async open() {
      shut = false;
    },
    close: () => server.close(),
  };
}
