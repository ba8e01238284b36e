import type { Vendor } from '../sandbox/vendor.ts';
import { startTraffic, type Traffic } from './traffic.ts';
import type { Stage } from './stage.ts';

/** One thing that happens before somebody who watches. */
interface Scene {
  readonly title: string;
  /** Where to look meanwhile. */
  readonly look: string;
  /** Makes it happen. `wait`: lets one pause of the play pass. Returns what the upstream and the token endpoint saw. */
  play(stage: Stage, wait: () => Promise<void>): Promise<string>;
}

/** Logins that the budget scene burns. */
const BURNED = 5;

const SCENES: readonly Scene[] = [
  {
    title: 'A token dies before its time',
    look: 'crm: one renewal more, and its clients go on',
    async play({ sandbox }, wait) {
      sandbox.chatapp.revokeCurrent();
      await wait();
      return tokenCalls(sandbox.chatapp);
    },
  },
  {
    title: 'The rejection hides in a 200',
    look: 'crm: the same, though no status says that anything is wrong',
    async play({ sandbox }, wait) {
      sandbox.chatapp.set({ deadTokenStatus: 200 });
      sandbox.chatapp.revokeCurrent();
      await wait();
      sandbox.chatapp.set({ deadTokenStatus: 403 });
      return tokenCalls(sandbox.chatapp);
    },
  },
  {
    title: 'A login budget burns: token and refresh token are revoked again and again',
    look: 'crm: fewer logins left each time; the vendor grants 100 a day',
    async play({ sandbox }, wait) {
      for (let count = 0; count < BURNED; count += 1) {
        sandbox.chatapp.revokeRefresh();
        sandbox.chatapp.revokeCurrent();
        await wait();
      }
      return tokenCalls(sandbox.chatapp);
    },
  },
  {
    title: 'A token endpoint fails while the token is dead',
    look: 'twin: down, and its clients get 503 with a reason; no other account notices',
    async play({ sandbox, operatorUrl }, wait) {
      sandbox.twin.set({ loginMode: 'status-500', refreshMode: 'status-500' });
      sandbox.twin.revokeCurrent();
      await wait();
      await wait();
      sandbox.twin.set({ loginMode: 'normal', refreshMode: 'normal' });
      // As an operator would who knows that the endpoint is back; tokenward itself tries again after a pause.
      const renewed = await fetch(`${operatorUrl}/renew/twin`, { method: 'POST' });
      await wait();
      const came = renewed.ok ? 'renewed' : `status ${renewed.status}`;
      return `${tokenCalls(sandbox.twin)}; tokenward renew twin: ${came}`;
    },
  },
  {
    title: 'An upstream fails',
    look: 'softline: errors of the upstream, which are relayed as they are; its token is not touched',
    async play({ sandbox }, wait) {
      sandbox.softline.set({ apiOverride: { status: 503, body: 'Service Unavailable' } });
      await wait();
      sandbox.softline.set({ apiOverride: null });
      await wait();
      return tokenCalls(sandbox.softline);
    },
  },
];

/** What the vendor's token endpoint saw since the ledger was last cleared. */
function tokenCalls({ ledger, dialect }: Vendor): string {
  const count = (kind: 'login' | 'refresh', good: boolean): number =>
    ledger.count({ vendor: dialect.name, where: (entry) => entry.kind === kind && (entry.outcome === 'ok') === good });
  const parts = [
    [count('refresh', true), 'refreshed'],
    [count('login', true), 'logged in'],
    [count('refresh', false) + count('login', false), 'refused or failed'],
  ] as const;
  const said = parts.filter(([times]) => times > 0).map(([times, what]) => `${what} ${times}×`);
  return `token endpoint: ${said.join(', ') || 'not called'}`;
}

/** How a play goes. */
export interface PlayOptions {
  /** Between two steps. s. */
  readonly pace: number;
  /** One round and no more; otherwise until `over`. */
  readonly once: boolean;
  /** Resolves when the play has to end. */
  readonly over: Promise<void>;
}

/** Plays all scenes, with clients that call all the while. Resolves with the number of scenes that came out wrong. */
export async function playScenes(stage: Stage, options: PlayOptions, print: (line: string) => void): Promise<number> {
  const end = new AbortController();
  const over = options.over.then(() => end.abort());
  const wait = (): Promise<void> => {
    let timer: NodeJS.Timeout | undefined;
    const pause = new Promise<void>((resolve) => (timer = setTimeout(resolve, options.pace * 1_000)));
    return Promise.race([pause, over]).finally(() => clearTimeout(timer));
  };
  const traffic = startTraffic(stage.url);
  let failed = 0;
  try {
    await wait();
    do {
      for (const scene of SCENES) {
        if (end.signal.aborted) break;
        failed += await playScene(scene, stage, traffic, wait, print);
      }
    } while (!options.once && !end.signal.aborted);
  } finally {
    await traffic.stop();
  }
  return failed;
}

async function playScene(
  { title, look, play: make }: Scene,
  stage: Stage,
  traffic: Traffic,
  wait: () => Promise<void>,
  print: (line: string) => void,
): Promise<number> {
  print(`\n${title}\n  look at   ${look}`);
  stage.sandbox.ledger.clear();
  traffic.clear();
  try {
    print(`  seen by   ${await make(stage, wait)}`);
    print(`  clients   ${traffic.summary()}`);
    await wait();
    return 0;
  } catch (error) {
    print(`  FAILED    ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
}
