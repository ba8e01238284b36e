import { createClient, createCluster } from 'redis';
import { StoreError } from '../store.ts';
import { within, type RedisSession, type OpenSession } from './redis-connection.ts';

/** Where Redis is: one server, a master found by Sentinel, or a Cluster. */
export type RedisPlace =
  | { readonly kind: 'single'; readonly url: string }
  | {
      readonly kind: 'sentinel';
      readonly name: string;
      readonly nodes: readonly HostPort[];
      readonly password: string | undefined;
    }
  | { readonly kind: 'cluster'; readonly nodes: readonly HostPort[] };

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** How to connect and log in. */
export interface RedisAccess {
  readonly place: RedisPlace;
  /** ACL user. */
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Undefined: no TLS (unless a rediss:// URL says so). */
  readonly tls: { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer } | undefined;
}

/** Limit of a TCP or TLS connect, and of the first commands on the connection. ms. */
const CONNECT_MS = 2_000;
/** Interval at which a sentinel is asked for the master: a demoted one that still runs would be used otherwise. ms. */
const SENTINEL_CHECK_INTERVAL_MS = 1_000;
/** Interval between pings on the subscribed connection, which is silent whether it works or not. ms. */
const LISTENER_CHECK_INTERVAL_MS = 5_000;

/** Opens sessions with the configured Redis. */
export function sessionOpener(access: RedisAccess): OpenSession {
  const { place } = access;
  if (place.kind === 'cluster') return (lost) => openCluster(access, place.nodes, lost);
  if (place.kind === 'sentinel') {
    const sentinels = new Sentinels(access, place);
    return (lost) => sentinels.openMaster(lost);
  }
  return (lost) => openServer(access, place.url, lost);
}

type Client = ReturnType<typeof makeClient>;

/**
 * `rejectUnauthorized` is explicit, because the environment could turn it off for the whole process. Without TLS it has
 * no meaning.
 */
function socketOptions({ tls }: RedisAccess): {
  connectTimeout: number;
  rejectUnauthorized: true;
  tls?: true;
  ca?: Buffer;
  cert?: Buffer;
  key?: Buffer;
} {
  return { connectTimeout: CONNECT_MS, rejectUnauthorized: true, ...(tls && { tls: true as const, ...tls }) };
}

/** A connection's errors show in the failing commands; without a listener Node would end the process. */
function ignore(): void {
  // Nothing to do.
}

/**
 * A client that does not reconnect by itself, and queues nothing while it is not connected. RESP 2: flat replies, the
 * same from every server.
 */
function makeClient(
  access: RedisAccess,
  where: { url: string } | HostPort,
  login: { username?: string; password?: string },
) {
  const { url, ...address } = 'url' in where ? where : { url: undefined, ...where };
  return createClient({
    RESP: 2,
    disableOfflineQueue: true,
    disableClientInfo: true,
    ...login,
    ...(url !== undefined && { url }),
    socket: { ...address, ...socketOptions(access), reconnectStrategy: false },
  }).on('error', ignore);
}

function nodeLogin({ username, password }: RedisAccess): { username?: string; password?: string } {
  return { ...(username !== undefined && { username }), ...(password !== undefined && { password }) };
}

async function connected<T extends { connect(): Promise<unknown>; destroy(): unknown }>(client: T): Promise<T> {
  try {
    await within(CONNECT_MS + 500, client.connect(), () => 'no answer');
    return client;
  } catch (error) {
    client.destroy();
    throw error;
  }
}

/** One server: a connection for commands, and a second one for subscriptions, which allows no other commands. */
async function openServer(
  access: RedisAccess,
  where: string | HostPort,
  lost: () => void,
  requireMaster = false,
): Promise<RedisSession> {
  const make = (): Client => makeClient(access, typeof where === 'string' ? { url: where } : where, nodeLogin(access));
  const client = await connected(make());
  let subscriber: Client | undefined;
  let checkTimer: NodeJS.Timeout | undefined;
  let destroyed = false;
  const destroy = (): void => {
    destroyed = true;
    clearInterval(checkTimer);
    client.destroy();
    subscriber?.destroy();
  };
  const failed = (): void => {
    if (!destroyed) lost();
  };
  client.on('error', failed);
  try {
    // Sentinels may be behind, and a demoted master would return outdated data.
    if (
      requireMaster &&
      (await within(CONNECT_MS, client.sendCommand<string[]>(['ROLE']), () => 'no answer'))[0] !== 'master'
    )
      throw new StoreError('The server is not a master.');
  } catch (error) {
    destroy();
    throw error;
  }
  return {
    send: (_, args) => client.sendCommand(args),
    sendToMasters: async (args) => [await client.sendCommand(args)],
    keys: (pattern) => scan((cursor) => client.sendCommand(['SCAN', cursor, 'MATCH', pattern, 'COUNT', '1000'])),
    async subscribe(channel, listener) {
      if (subscriber === undefined) {
        const made = await connected(make());
        subscriber = made.on('error', failed);
        checkTimer = setInterval(() => {
          within(CONNECT_MS, made.ping(), () => 'no answer').catch(failed);
        }, LISTENER_CHECK_INTERVAL_MS).unref();
      }
      await subscriber.subscribe(channel, listener);
    },
    destroy,
  };
}

/**
 * Finds the master through sentinels. The client library's own support is not used: it retries a command without a
 * limit, so that one which was given up long ago is carried out after the failover.
 */
class Sentinels {
  readonly #access: RedisAccess;
  readonly #name: string;
  readonly #login: { password?: string };
  #nodes: readonly HostPort[];

  constructor(access: RedisAccess, { name, nodes, password }: Extract<RedisPlace, { kind: 'sentinel' }>) {
    this.#access = access;
    this.#name = name;
    this.#nodes = nodes;
    this.#login = password === undefined ? {} : { password };
  }

  /** A session with the current master; it counts as lost when the sentinels name another one. */
  async openMaster(lost: () => void): Promise<RedisSession> {
    const master = await this.#findMaster();
    const session = await openServer(this.#access, master, lost, true);
    let busy = false;
    const checkTimer = setInterval(() => {
      if (busy) return;
      busy = true;
      this.#findMaster()
        .then(({ host, port }) => {
          if (host !== master.host || port !== master.port) lost();
        })
        // With no sentinel in reach, the master that answers is still the best one known.
        .catch(ignore)
        .finally(() => (busy = false));
    }, SENTINEL_CHECK_INTERVAL_MS).unref();
    return {
      ...session,
      destroy() {
        clearInterval(checkTimer);
        session.destroy();
      },
    };
  }

  /** The master, from the first sentinel that knows it; that one is asked first next time. */
  async #findMaster(): Promise<HostPort> {
    let lastError: unknown = new StoreError('No sentinel responds.');
    for (const node of this.#nodes) {
      try {
        const client = await connected(makeClient(this.#access, node, this.#login));
        try {
          const reply = await within(
            CONNECT_MS,
            client.sendCommand<[string, string] | null>(['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', this.#name]),
            () => 'no answer',
          );
          if (reply === null) throw new StoreError(`The sentinels know no master named ${this.#name}.`);
          this.#nodes = [node, ...this.#nodes.filter((other) => other !== node)];
          return { host: reply[0], port: Number(reply[1]) };
        } finally {
          client.destroy();
        }
      } catch (error) {
        lastError = error;
      }
    }
    throw lastError;
  }
}

/** A Cluster: the library follows slots from node to node, and refreshes its topology when a node is gone. */
async function openCluster(access: RedisAccess, nodes: readonly HostPort[], lost: () => void): Promise<RedisSession> {
  const socket = {
    ...socketOptions(access),
    reconnectStrategy: (tries: number) => Math.min(1_000, 50 * 2 ** Math.min(tries, 6)),
  };
  const cluster = await connected(
    createCluster({
      rootNodes: nodes.map((node) => ({ socket: { ...node, ...socket } })),
      defaults: { disableOfflineQueue: true, disableClientInfo: true, ...nodeLogin(access), socket },
      topologyRefreshOnReconnectionAttemptStrategy: 200,
      maxCommandRedirections: 3,
      RESP: 2,
    }).on('error', ignore),
  );
  cluster.on('disconnect', lost);
  return {
    // WAIT concerns the connection it is sent on; the library would send it to every node.
    send: async (key, args) =>
      args[0] === 'WAIT'
        ? (await cluster.getNodeClientForKey(key)).sendCommand(args)
        : cluster.sendCommand(key, false, args),
    async keys(pattern) {
      const found = await Promise.all(
        cluster.masters.map(async (master) => {
          const node = await cluster.nodeClient(master);
          return scan((cursor) => node.sendCommand(['SCAN', cursor, 'MATCH', pattern, 'COUNT', '1000']));
        }),
      );
      return found.flat();
    },
    sendToMasters: (args) =>
      Promise.all(cluster.masters.map(async (master) => (await cluster.nodeClient(master)).sendCommand(args))),
    subscribe: (channel, listener) => cluster.subscribe(channel, listener),
    destroy() {
      cluster.off('disconnect', lost);
      cluster.destroy();
    },
  };
}

async function scan(step: (cursor: string) => Promise<unknown>): Promise<string[]> {
  const found = new Set<string>();
  let cursor = '0';
  do {
    const [next, keys] = (await step(cursor)) as [string, string[]];
    for (const key of keys) found.add(key);
    cursor = next;
  } while (cursor !== '0');
  return [...found];
}

/** The place as an operator reads it, without a password. */
export function describePlace(place: RedisPlace): string {
  if (place.kind === 'single') return new URL(place.url).host;
  return place.nodes.map(({ host, port }) => `${host}:${port}`).join(', ');
}
