import { playScenes } from './play.ts';
import { setStage, type Stage } from './stage.ts';
import { walkTour } from './tour.ts';

/** Prints new entries of the ledger: what reached the upstreams and token endpoints. */
function printLedger(stage: Stage): NodeJS.Timeout {
  let last = 0;
  return setInterval(() => {
    for (const entry of stage.sandbox.ledger.entries({ where: ({ seq }) => seq > last })) {
      if (entry.outcome === 'pending') break;
      last = entry.seq;
      const time = new Date(entry.at).toISOString().slice(11, 23);
      const what =
        entry.kind === 'api'
          ? entry.outcome === 'dead-token'
            ? `rejected ${entry.tokenId ?? 'a request without a token'}`
            : `${entry.method} ${entry.target} with ${entry.tokenId ?? 'no token'}: ${entry.status}`
          : `${entry.kind}: ${entry.outcome}`;
      print(`  ${time}  ${entry.vendor.padEnd(8)}  ${what}`);
    }
  }, 250);
}

function describe({ url, operatorUrl, configFile, sandbox }: Stage): string {
  const control = sandbox.urls.control;
  return `
tokenward is running in front of three simulated vendors.

  page      ${operatorUrl}/
  config    ${configFile}
  metrics   ${operatorUrl}/metrics
  accounts  tokenward status --operator ${new URL(operatorUrl).host}

Send requests as a legacy application would, without any token:

  curl ${url}/softline/v1/order/2001
  curl ${url}/crm/v1/licenses
  curl ${url}/twin/iam/api/v1/users/me

Then revoke a token without tokenward's knowledge, and send one again. It succeeds:

  curl -X POST ${control}/chatapp/revoke
  curl ${url}/crm/v1/licenses

Or let the API hide its rejections in a 200, then revoke a token and send a request again:

  curl -X PATCH ${control}/chatapp -H 'content-type: application/json' -d '{"deadTokenStatus":200}'
  curl -X POST ${control}/chatapp/revoke
  curl ${url}/crm/v1/licenses

Or watch: tokenward demo --play makes tokens die, a budget burn and an upstream fail, one after the other.

Ctrl-C ends it and removes its folder. What reaches the upstreams (times in UTC):
`;
}

/** What the demo does. */
export interface DemoOptions {
  /** A tour that checks itself, or one round of the play; then it ends. */
  readonly once: boolean;
  /** Things happen by themselves, for somebody who only watches. */
  readonly play: boolean;
  /** Rests after each stop of the tour, and between two steps of the play. s. */
  readonly pause: number;
}

/** Runs the demo until Ctrl-C, or once. Resolves with the exit code. Rejects with a DemoError. */
export async function demo({ once, play, pause }: DemoOptions): Promise<number> {
  const stage = await setStage();
  try {
    if (once && !play) return (await walkTour(stage, print, pause * 1_000)) === 0 ? 0 : 1;
    const over = new Promise<void>((resolve) => {
      process.once('SIGINT', resolve);
      process.once('SIGTERM', resolve);
    });
    if (play) {
      print(`\nOpen ${stage.operatorUrl}/ beside this window. Ctrl-C ends it.`);
      return (await playScenes(stage, { pace: pause, once, over }, print)) === 0 ? 0 : 1;
    }
    print(describe(stage));
    const ledgerTimer = printLedger(stage);
    await over;
    clearInterval(ledgerTimer);
    return 0;
  } finally {
    await stage.close();
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
