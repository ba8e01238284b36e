import { eventually } from './eventually.ts';
import { startRedis, type RedisServer } from './redis.ts';
import { freePort } from './wire.ts';

/** A Redis Cluster of three masters; the first one may have a replica. */
export interface RedisCluster {
  readonly nodes: readonly { host: string; port: number }[];
  readonly masters: readonly RedisServer[];
  readonly replica: RedisServer | undefined;
  stop(): Promise<void>;
}

/** Starts it on free ports and waits until all slots are served. */
export async function startCluster(
  command: string,
  { replica = false }: { replica?: boolean } = {},
): Promise<RedisCluster> {
  const start = async (): Promise<RedisServer & { bus: number }> => {
    const bus = await freePort();
    return {
      ...(await startRedis(command, [
        '--cluster-enabled',
        'yes',
        '--cluster-port',
        String(bus),
        '--cluster-node-timeout',
        '1000',
        '--cluster-config-file',
        'nodes.conf',
      ])),
      bus,
    };
  };
  const servers = await Promise.all(Array.from({ length: replica ? 4 : 3 }, start));
  const masters = servers.slice(0, 3);
  for (const [index, master] of masters.entries()) {
    await master.command(
      'CLUSTER',
      'ADDSLOTSRANGE',
      String(Math.floor((16_384 * index) / 3)),
      String(Math.floor((16_384 * (index + 1)) / 3) - 1),
    );
    await master.command('CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1));
  }
  for (const other of servers.slice(1))
    await servers[0]!.command('CLUSTER', 'MEET', '127.0.0.1', String(other.port), String(other.bus));
  await eventually(
    'the nodes know each other',
    async () => (await info(servers)).every((text) => text.includes(`cluster_known_nodes:${servers.length}`)),
    20_000,
  );
  if (replica) {
    const id = (await masters[0]!.command('CLUSTER', 'MYID')) as string;
    await eventually(
      'the replica may follow',
      () =>
        servers[3]!.command('CLUSTER', 'REPLICATE', id).then(
          () => true,
          () => false,
        ),
      20_000,
    );
    await eventually(
      'the replica follows',
      async () => ((await servers[3]!.command('ROLE')) as unknown[])[3] === 'connected',
      20_000,
    );
  }
  await eventually(
    'the cluster serves',
    async () => (await info(servers)).every((text) => text.includes('cluster_state:ok')),
    20_000,
  );
  return {
    nodes: masters.map(({ port }) => ({ host: '127.0.0.1', port })),
    masters,
    replica: servers[3],
    async stop() {
      await Promise.all(servers.map((server) => server.stop()));
    },
  };
}

function info(servers: readonly RedisServer[]): Promise<string[]> {
  return Promise.all(servers.map(async (server) => (await server.command('CLUSTER', 'INFO')) as string));
}
