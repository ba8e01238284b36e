import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { startSandbox, type Sandbox } from '../../../src/sandbox/sandbox.ts';
import { FaultProxy } from '../../support/fault-proxy.ts';
import { startProxy, type RunningProxy } from '../../support/proxy.ts';
import { startRedis } from '../../support/redis.ts';
import { toolFor } from '../../harness/tools.ts';
import type { LedgerEntry } from '../../../src/sandbox/ledger.ts';
import { contradiction, doubleSpends } from '../join.ts';
import { table } from '../../harness/table.ts';
import type { Tally } from '../../harness/tally.ts';
import { KINDS, send, type Ended } from './kinds.ts';
import { LINK_FAULTS, type LinkFault } from './scenarios.ts';

const LINKS = ['caller', 'upstream', 'token endpoint', 'store'] as const;
type LinkName = (typeof LINKS)[number];

/** How long a fault holds. ms. */
const FAULT = 1_200;
/**
 * From the end of a fault on, requests succeed within so many ms. docs/reliability.md promises that. What the proxy
 * announces decides nothing: it could announce an hour.
 */
const RECOVERY: Readonly<Record<LinkName, number>> = {
  // Nothing is waited for: the next request has a connection of its own.
  caller: 2_000,
  upstream: 2_000,
  // A refresh whose answer was lost is followed by a login at once, and that by one more after 0.3 s. Then it is the
  // first pause of 2 s and up to a quarter more; half a second is for the login after it.
  'token endpoint': 3_000,
  // It is looked at once a second, for half a second (commandTimeout); then no renewal relies on it for one second.
  store: 3_000,
};
/** So much more is granted to a busy machine. ms. */
const TOLERANCE = 1_000;
/** A link that is not back by then does not recover. ms. */
const LOST = 15_000;

/** A tokenward in this process with a faulty link at one of its sides. */
interface Stage {
  readonly name: LinkName;
  readonly sandbox: Sandbox;
  readonly proxy: RunningProxy;
  readonly link: FaultProxy;
  /** Where callers connect. */
  readonly base: string;
  stop(): Promise<void>;
}

/** `redis`: the program, for the link to the store. */
async function startStage(name: LinkName, redis: string | undefined): Promise<Stage> {
  const sandbox = await startSandbox();
  const { chatapp } = sandbox.urls;
  const store = name === 'store' ? await startRedis(redis!) : undefined;
  let link = await FaultProxy.start(store?.url ?? chatapp);
  const timeouts = { connect: '1s', firstByte: '4s', idle: '4s' };
  const proxy = await startProxy(sandbox, {
    config: (base) => ({
      ...base,
      ...(store !== undefined && {
        store: {
          type: 'redis',
          url: link.url.replace('http', 'redis'),
          key: randomBytes(32).toString('base64'),
          commandTimeout: '500ms',
        },
      }),
      accounts: {
        main: {
          flow: 'chatapp',
          baseUrl: name === 'token endpoint' ? link.url : chatapp,
          credentials: { ...sandbox.credentials.chatapp },
          budget: { logins: 1_000 },
        },
      },
      routes: [
        { prefix: '/streamed', upstream: name === 'upstream' ? link.url : chatapp, account: 'main', timeouts },
        // Large bodies are kept, so that they can be sent again after a renewal.
        {
          prefix: '/kept',
          upstream: name === 'upstream' ? link.url : chatapp,
          account: 'main',
          timeouts,
          maxReplayBody: '8MiB',
        },
      ],
    }),
  });
  sandbox.chatapp.set({ rotation: 'strict', quotaLimit: null });
  if (name === 'caller') {
    await link.close();
    link = await FaultProxy.start(proxy.url);
  }
  return {
    name,
    sandbox,
    proxy,
    link,
    base: name === 'caller' ? link.url : proxy.url,
    async stop() {
      await link.close();
      await proxy.stop();
      await sandbox.close();
      await store?.stop();
    },
  };
}

/** All faults on all links with all kinds of requests. Returns the table. */
export async function runLinkFaults(tally: Tally): Promise<string> {
  const redis = toolFor('faults of the link to the store', 'redis-server');
  const links = LINKS.filter((name) => name !== 'store' || redis !== undefined);
  const columns = await Promise.all(
    links.map(async (name) => {
      const stage = await startStage(name, redis);
      const cells: string[] = [];
      try {
        for (const fault of LINK_FAULTS) cells.push(await runFault(stage, fault, tally));
        const twice = doubleSpends(stage.sandbox.ledger, 1);
        tally.count(
          `${name} link: no refresh token was spent twice`,
          twice.length === 0 ? undefined : twice.join('; '),
        );
      } finally {
        await stage.stop();
      }
      return cells;
    }),
  );
  return table([
    ['fault', ...links.map((name) => `${name} link`)],
    ...LINK_FAULTS.map(({ name }, row) => [name, ...columns.map((cells) => cells[row]!)]),
  ]);
}

async function runFault(stage: Stage, { name, fault, half = false }: LinkFault, tally: Tally): Promise<string> {
  const { sandbox, link, base } = stage;
  const { ledger } = sandbox;
  const what = `${name}, ${stage.name} link`;
  // A connection to the upstream that is open, and a token that is good.
  const before = await send(base, '/kept', KINDS[0]!);
  tally.count(
    `${what}: a request before it`,
    before.ending === 'complete' ? undefined : `came to "${before.ending}" ${before.code ?? ''}`,
  );
  const since = ledger.last()?.seq ?? 0;

  // On the way to the token endpoint and to the store there is something to see only when a token is wanted.
  const renewing = stage.name === 'token endpoint' || stage.name === 'store';
  if (renewing) sandbox.chatapp.revokeAll();
  await link.set(fault);
  link.drop();
  const prefix = renewing ? '/kept' : '/streamed';
  const running = KINDS.map((kind) => send(base, prefix, kind));
  await sleep(FAULT);
  await link.clear();
  // The endpoint has answered half a request with a plain refusal; only an operator can know better.
  if (half && stage.name === 'token endpoint') await stage.proxy.app.tokens.renewNow('main').catch(() => undefined);
  const [recovered, told] = await recovery(stage);
  const ended = await Promise.all(running);

  KINDS.forEach((kind, index) =>
    tally.count(
      `${what}: ${kind.name}`,
      wrongWith(ended[index]!, half, ledger.entries({ since, requestId: ended[index]!.id })),
    ),
  );
  const allowed = RECOVERY[stage.name];
  tally.count(
    `${what}: recovery`,
    recovered <= allowed + TOLERANCE ? undefined : `took ${Math.round(recovered)} ms, promised are ${allowed} ms`,
  );
  tally.count(
    `${what}: the time after which to try again`,
    told * 1_000 <= allowed ? undefined : `was said to be ${told} s, promised are ${allowed} ms`,
  );
  const counts = (['complete', 'ours', 'cut', 'answer 400'] as const)
    .map((ending) => [ending, ended.filter((one) => one.ending === ending).length] as const)
    .filter(([, count]) => count > 0);
  return `${counts.map(([ending, count]) => `${count} ${ending}`).join(', ')}; back after ${(recovered / 1000).toFixed(1)} s`;
}

/**
 * What must not be: neither whole, nor our own error, nor visibly cut; or done twice; or an error that says
 * that nothing was done, where the upstream had answered. `arrived`: what the upstream saw of it.
 */
function wrongWith({ ending, code }: Ended, half: boolean, arrived: readonly LedgerEntry[]): string | undefined {
  const applied = arrived.filter((entry) => entry.applied).length;
  if (applied > 1) return `applied ${applied} times`;
  if (ending === 'complete' || ending === 'cut') return undefined;
  if (ending === 'ours') return code === 'internal' ? 'an unexpected fault inside' : contradiction(code, arrived);
  return half && ending === 'answer 400' ? undefined : ending;
}

/** Asks until it is answered. Milliseconds, and the longest Retry-After that was told on the way, s. */
async function recovery({ base }: Stage): Promise<[ms: number, told: number]> {
  const start = performance.now();
  let told = 0;
  for (;;) {
    const { ending, retryAfter } = await send(base, '/kept', KINDS[0]!);
    const elapsed = performance.now() - start;
    if (ending === 'complete' || elapsed > LOST) return [elapsed, told];
    told = Math.max(told, retryAfter ?? 0);
    await sleep(50);
  }
}
