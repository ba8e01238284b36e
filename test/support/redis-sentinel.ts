import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from './eventually.ts';
import { temporaryFolder } from './proxy.ts';
import { redisCommand, startRedis, type RedisServer } from './redis.ts';
import { freePort } from './wire.ts';

/** What the sentinels call the master. */
export const MASTER_NAME = 'main';

/** A master with replicas, watched by three sentinels. */
export interface SentinelGroup {
  readonly nodes: readonly { host: string; port: number }[];
  /** All servers, whatever their present role. */
  readonly servers: readonly RedisServer[];
  /** The server that the sentinels name as master. */
  master(): Promise<RedisServer>;
  /** Waits until the sentinels name another master than this one, and it takes writes. */
  failedOver(from: RedisServer): Promise<RedisServer>;
  /** Waits until every other server follows the master and has all it has. */
  settled(): Promise<void>;
  stop(): Promise<void>;
}

export interface SentinelOptions {
  readonly replicas?: number;
  /** ms without an answer after which a sentinel takes the master for gone. */
  readonly downAfter?: number;
}

/**
 * Starts everything on free ports; `server` is the redis-server program (found by requireTool), which can be a sentinel
 * as well.
 */
export async function startSentinels(
  server: string,
  { replicas = 1, downAfter = 700 }: SentinelOptions = {},
): Promise<SentinelGroup> {
  const settings = ['--repl-diskless-sync-delay', '0', '--repl-ping-replica-period', '1'];
  const first = await startRedis(server, settings);
  const servers = [first, ...(await Promise.all(Array.from({ length: replicas }, () => startRedis(server, settings))))];
  for (const replica of servers.slice(1)) await replica.command('REPLICAOF', '127.0.0.1', String(first.port));
  const folder = temporaryFolder();
  const children: ChildProcess[] = [];
  const nodes = await Promise.all(
    [1, 2, 3].map(async (id) => {
      const port = await freePort();
      const file = join(folder, `sentinel-${id}.conf`);
      writeFileSync(
        file,
        [
          `port ${port}`,
          'bind 127.0.0.1',
          `dir ${folder}`,
          `sentinel monitor ${MASTER_NAME} 127.0.0.1 ${first.port} 2`,
          `sentinel down-after-milliseconds ${MASTER_NAME} ${downAfter}`,
          `sentinel failover-timeout ${MASTER_NAME} 1500`,
        ].join('\n'),
      );
      children.push(spawn(server, [file, '--sentinel'], { stdio: 'ignore' }));
      return { host: '127.0.0.1', port };
    }),
  );
  const named = async (port: number): Promise<number | undefined> => {
    const answer = (await redisCommand(port, 'SENTINEL', 'GET-MASTER-ADDR-BY-NAME', MASTER_NAME).catch(() => null)) as
      [string, string] | null;
    return answer === null ? undefined : Number(answer[1]);
  };
  const masterPort = async (): Promise<number | undefined> => {
    const ports = await Promise.all(nodes.map(({ port }) => named(port)));
    return ports.every((port) => port === ports[0]) ? ports[0] : undefined;
  };
  const group: SentinelGroup = {
    nodes,
    servers,
    async master() {
      let found: RedisServer | undefined;
      await eventually(
        'the sentinels agree on a master',
        async () => {
          const port = await masterPort();
          found = servers.find((one) => one.port === port);
          return found !== undefined;
        },
        20_000,
      );
      return found!;
    },
    async failedOver(from) {
      let found: RedisServer | undefined;
      await eventually(
        'another master takes over',
        async () => {
          const port = await masterPort();
          found = servers.find((one) => one.port === port && one !== from);
          return found !== undefined && ((await found.command('ROLE').catch(() => [])) as string[])[0] === 'master';
        },
        30_000,
      );
      return found!;
    },
    async settled() {
      await eventually(
        'the replicas follow the master',
        async () => {
          const port = await masterPort();
          const master = servers.find((one) => one.port === port);
          if (master === undefined) return false;
          const [role, offset] = (await master.command('ROLE').catch(() => [])) as [string, number];
          if (role !== 'master') return false;
          const others = await Promise.all(
            servers
              .filter((one) => one !== master)
              .map((one) => one.command('ROLE').catch(() => []) as Promise<unknown[]>),
          );
          return others.every(
            ([what, , , state, at]) => what === 'slave' && state === 'connected' && Number(at) >= offset,
          );
        },
        30_000,
      );
    },
    async stop() {
      await Promise.all(
        children.map(async (child) => {
          const ended = once(child, 'exit');
          child.kill('SIGKILL');
          await ended;
        }),
      );
      for (const one of servers) await one.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  // Each has to hear of the replicas and of the other two, or none of them would start a failover.
  await eventually(
    'the sentinels know each other and the replicas',
    async () =>
      (
        await Promise.all(
          nodes.map(async ({ port }) => {
            const flat = (await redisCommand(port, 'SENTINEL', 'MASTER', MASTER_NAME).catch(() => [])) as string[];
            const value = (name: string): number => Number(flat[flat.indexOf(name) + 1]);
            return value('num-other-sentinels') === 2 && value('num-slaves') === replicas;
          }),
        )
      ).every(Boolean),
    20_000,
  );
  await group.settled();
  return group;
}
