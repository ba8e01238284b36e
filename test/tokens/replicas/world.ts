import { randomBytes } from 'node:crypto';
import type { Readiness } from '../../../src/operator/readiness.ts';
import { startSandbox, type Sandbox } from '../../../src/sandbox/sandbox.ts';
import { call, type Answer } from '../../support/call.ts';
import { operator } from '../../support/operator.ts';
import { startProxy, type RunningProxy } from '../../support/proxy.ts';
import { startRedis, type RedisServer } from '../../support/redis.ts';
import { requireTool } from '../../support/tools.ts';

/** Two tokenwards over one Redis, in front of one sandbox. */
export interface Replicas {
  readonly sandbox: Sandbox;
  readonly redis: RedisServer;
  readonly a: RunningProxy;
  readonly b: RunningProxy;
  /** One more of them. */
  start(): Promise<RunningProxy>;
}

export interface ReplicasOptions {
  /** Changes the store section. */
  readonly store?: Readonly<Record<string, unknown>>;
  /** Instead of the server's own address. */
  readonly url?: (redis: RedisServer) => string | Promise<string>;
}

export const READ = '/crm/v1/licenses';

/** A fresh pair for every test of the surrounding describe. */
export function freshReplicas(options: ReplicasOptions = {}): () => Replicas {
  let world: Replicas | undefined;
  const proxies: RunningProxy[] = [];
  let redis: RedisServer | undefined;
  let sandbox: Sandbox | undefined;
  beforeEach(async function () {
    redis = await startRedis(requireTool(this, 'redis-server'));
    sandbox = await startSandbox();
    sandbox.chatapp.set({ rotation: 'strict' });
    const store = {
      type: 'redis',
      url: (await options.url?.(redis)) ?? redis.url,
      key: randomBytes(32).toString('hex'),
      ...options.store,
    };
    const start = async (): Promise<RunningProxy> => {
      const proxy = await startProxy(sandbox!, { config: (base) => ({ ...base, store, shutdown: { drain: '1s' } }) });
      proxies.push(proxy);
      return proxy;
    };
    world = { sandbox, redis, a: await start(), b: await start(), start };
  });
  afterEach(async () => {
    for (const proxy of proxies.splice(0)) await proxy.stop();
    await sandbox?.close();
    await redis?.stop();
    world = undefined;
  });
  return () => {
    if (world === undefined) throw new Error('only inside a test');
    return world;
  };
}

export function read({ url }: RunningProxy): Promise<Answer> {
  return call(url, READ);
}

/** The generation of the chatapp account in a replica's memory. */
export function generation({ app }: RunningProxy): number {
  return app.tokens.status().find(({ account }) => account === 'crm')!.generation;
}

export async function readiness(replica: RunningProxy): Promise<{ status: number; problems: string[] }> {
  const { status, body } = (await operator(replica).get('/readyz')) as { status: number; body: Readiness };
  return { status, problems: body.problems.map(({ problem }) => problem) };
}

/** Token calls of one kind at the chatapp sandbox. */
export function count(sandbox: Sandbox, kind: 'login' | 'refresh'): number {
  return sandbox.ledger.count({ vendor: 'chatapp', kind });
}
