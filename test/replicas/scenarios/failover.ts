import { setTimeout as sleep } from 'node:timers/promises';
import { call } from '../../support/call.ts';
import { eventually } from '../../support/eventually.ts';
import { FaultProxy } from '../../support/fault-proxy.ts';
import type { RedisServer } from '../../support/redis.ts';
import { MASTER_NAME, startSentinels, type SentinelGroup } from '../../support/redis-sentinel.ts';
import { Callers, inWords, type CallerEntry } from '../callers.ts';
import { needRedis } from '../../harness/tools.ts';
import { renewByHand } from '../renew-by-hand.ts';
import type { Scenario } from '../scenario.ts';
import { Stage } from '../stage.ts';
import type { Tally } from '../../harness/tally.ts';

/** What the replica has not got when the master dies. ms. */
const REPLICATION_DELAY = 500;
/** How long the endpoint hesitates, so that a failover falls in between. ms. */
const HESITATION = 1_500;
/** The moments of a renewal, as in test/crash: P3 the call has arrived, P4 it has been carried out. */
const POINTS = ['P2', 'P7', 'P1', 'P6', 'P4', 'P8', 'P3', 'P0', 'P9'] as const;

interface Endpoint {
  readonly name: string;
  readonly rotation: 'strict' | 'keep-old';
  readonly account: Readonly<Record<string, unknown>>;
  readonly extraLogins: 0 | 1;
}

const ENDPOINTS: readonly Endpoint[] = [
  { name: 'strict rotation', rotation: 'strict', account: {}, extraLogins: 1 },
  { name: 'no rotation', rotation: 'keep-old', account: { rotationGrace: 600 }, extraLogins: 0 },
];

/** The master is killed in the middle of a renewal, before its replica has got what was written. */
export const failover: Scenario = {
  name: 'failover',
  what: 'the Redis master is killed at each moment of a renewal, its replica half a second behind',
  async run(tally, full) {
    const lines: string[] = [];
    for (const endpoint of ENDPOINTS) lines.push(await rounds(endpoint, full ? 50 : 4, tally));
    return lines.join('; ');
  },
};

async function rounds(endpoint: Endpoint, count: number, tally: Tally): Promise<string> {
  const group = await startSentinels(needRedis());
  const links = new Map<RedisServer, FaultProxy>();
  for (const server of group.servers) links.set(server, await FaultProxy.start(server.url));
  try {
    return await Stage.with(
      {
        replicas: 2,
        account: endpoint.account,
        store: {
          type: 'redis',
          sentinel: { name: MASTER_NAME, nodes: group.nodes.map(({ host, port }) => `${host}:${port}`) },
        },
        prepare: ({ chatapp }) => chatapp.set({ rotation: endpoint.rotation }),
      },
      async (stage) => {
        const callers = new Callers();
        for (const [index, who] of ['a', 'b'].entries()) callers.start(who, () => stage.replicas[index]!.url, 0, 50);
        let extra = 0;
        let longest = 0;
        for (let round = 0; round < count; round += 1) {
          const point = POINTS[round % POINTS.length]!;
          const result = await oneRound(stage, group, links, callers, endpoint, point);
          extra += result.logins;
          longest = Math.max(longest, result.gap);
          tally.count(
            `${endpoint.name}, ${point}, failover ${round + 1}`,
            result.faults.length === 0 ? undefined : result.faults.join('; '),
          );
        }
        await callers.stop();
        return `${endpoint.name}: ${count} failovers, ${extra} extra logins, without a store for ${(longest / 1000).toFixed(1)} s at most, ${callers.entries.length} requests`;
      },
    );
  } finally {
    for (const link of links.values()) await link.close();
    await group.stop();
  }
}

async function oneRound(
  stage: Stage,
  group: SentinelGroup,
  links: ReadonlyMap<RedisServer, FaultProxy>,
  callers: Callers,
  endpoint: Endpoint,
  point: string,
): Promise<{ faults: string[]; logins: number; gap: number }> {
  const faults: string[] = [];
  const [a, b] = stage.replicas as [(typeof stage.replicas)[0], (typeof stage.replicas)[0]];
  await group.settled();
  await eventually('both replicas are ready', () => ready(stage), 30_000);
  const master = await group.master();
  const link = links.get(master)!;
  const port = new URL(link.url).port;
  for (const other of group.servers) if (other !== master) await other.command('REPLICAOF', '127.0.0.1', port);
  await eventually(
    'the replica follows over the slow link',
    async () =>
      (
        await Promise.all(
          group.servers.filter((one) => one !== master).map((one) => one.command('ROLE') as Promise<unknown[]>),
        )
      ).every((role) => role[3] === 'connected'),
    20_000,
  );
  await link.set({ out: { latency: REPLICATION_DELAY }, back: { latency: REPLICATION_DELAY } });

  const since = stage.mark();
  const startedAt = Date.now();
  const { chatapp } = stage.sandbox;
  let reached: () => Promise<void>;
  if (point === 'P3' || point === 'P4') {
    chatapp.set(point === 'P3' ? { refreshDelayMs: HESITATION } : { refreshMode: 'slow', slowMs: HESITATION });
    reached = () =>
      eventually(
        'the refresh is under way',
        () =>
          stage.ledger.count({
            kind: 'refresh',
            since,
            where: ({ bodySha256, issued }) => (point === 'P3' ? bodySha256 !== null : issued !== null),
          }) > 0,
      );
  } else reached = await a.arm(point, 'wait');
  const renewing = renewByHand(a.operatorUrl, 'crm0').catch(() => undefined);
  await Promise.race([reached(), sleep(15_000).then(() => Promise.reject(new Error(`${point} was not reached`)))]);

  const killedAt = Date.now();
  await master.kill();
  link.drop();
  if (point !== 'P3' && point !== 'P4') a.go();
  await link.clear();
  chatapp.set({ refreshDelayMs: 0, refreshMode: 'normal' });

  const next = await group.failedOver(master);
  await renewing;
  await eventually('both replicas are ready again', () => ready(stage), 30_000).catch(() =>
    faults.push('a replica did not become ready again'),
  );
  const gap = Date.now() - killedAt;
  const answered = async (): Promise<boolean> =>
    (await callers.once('a', a.url)).ok && (await callers.once('b', b.url)).ok;
  const backAt = Date.now();
  await eventually('both replicas answer', answered, 5_000).catch(() =>
    faults.push('requests do not succeed after the failover'),
  );
  await sleep(500);

  const logins = stage.logins(since);
  if (logins > endpoint.extraLogins) faults.push(`${logins} extra logins, allowed ${endpoint.extraLogins}`);
  const issuedAt = stage.ledger
    .entries({ since, where: ({ kind, issued }) => kind !== 'api' && issued !== null })
    .map(({ at }) => at);
  const bad = callers.failed.filter(
    (entry) => entry.startedAt >= startedAt && isFault(entry, endpoint, issuedAt, backAt),
  );
  const words = inWords(bad);
  if (words !== undefined) faults.push(`while the token lived: ${words}`);

  // An ordinary renewal proves that what is stored now is alive, and known to both.
  const again = stage.mark();
  const { status } = await renewByHand(b.operatorUrl, 'crm0');
  if (status !== 200 || stage.refreshes(again) !== 1 || stage.logins(again) !== 0)
    faults.push(
      `an ordinary renewal came to ${status}, with ${stage.refreshes(again)} refreshes and ${stage.logins(again)} logins`,
    );
  const newest = stage.newestToken();
  const inUse = (): Promise<(string | undefined)[]> =>
    Promise.all([stage.tokenOf(callers, 'a', a), stage.tokenOf(callers, 'b', b)]);
  await eventually(
    'both use the newest token',
    async () => (await inUse()).every((token) => token === newest),
    5_000,
  ).catch(async () => faults.push(`the replicas use ${(await inUse()).join(' and ')}, the newest is ${newest}`));
  if (endpoint.rotation === 'strict' && !(await answered()))
    faults.push('requests do not succeed after an ordinary renewal');

  await master.start(['--replicaof', `127.0.0.1 ${next.port}`]);
  return { faults, logins, gap };
}

/**
 * Whether a request may not have failed. Where a renewal kills the old token, a replica that cannot read the new one
 * from the store has none that lives: from the renewal until the store is back. The first renewal of a round is replica
 * a's own; a second one is b's, which finds a record that says nothing of it. `issuedAt`: when they brought a token.
 */
function isFault(
  { who, startedAt, endedAt }: CallerEntry,
  endpoint: Endpoint,
  issuedAt: readonly number[],
  backAt: number,
): boolean {
  if (endpoint.rotation === 'keep-old') return true;
  const killedAt = issuedAt[who === 'a' ? 1 : 0] ?? Infinity;
  return endedAt < killedAt || startedAt > backAt + 2_000;
}

async function ready(stage: Stage): Promise<boolean> {
  const answers = await Promise.all(
    stage.replicas.map(({ operatorUrl }) => call(operatorUrl, '/readyz').catch(() => undefined)),
  );
  return answers.every(
    (answer) => answer?.status === 200 && (answer.json() as { problems: unknown[] }).problems.length === 0,
  );
}
