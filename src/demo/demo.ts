import { setStage, type Stage } from './stage.ts';
import { walkTour } from './tour.ts';

const USAGE = `npm run demo              sandbox, proxy and store in a fresh folder; runs until Ctrl-C
npm run demo -- --once    runs a tour and ends
npm run demo -- --once --pause SECONDS
                          rests after each stop, as long as your Prometheus waits between two scrapes,
                          so that the dashboards have data
`;

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

Send requests as a legacy application would, without any token:

  curl ${url}/softline/v1/order/2001
  curl ${url}/crm/v1/licenses
  curl ${url}/twin/iam/api/v1/users/me

Then revoke a token without tokenward's knowledge, and send one again. It succeeds:

  curl -X POST ${control}/chatapp/revoke
  curl ${url}/crm/v1/licenses

Or hide the rejection in a 200:

  curl -X PATCH ${control}/chatapp -H 'content-type: application/json' -d '{"deadTokenStatus":200}'

Ctrl-C ends it and removes its folder. What reaches the upstreams:
`;
}

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  const options = readOptions(args);
  if (options === undefined) {
    print(USAGE);
    process.exitCode = args.includes('--help') || args.includes('-h') ? 0 : 2;
    return;
  }
  const stage = await setStage();
  if (options.once) {
    const failed = await walkTour(stage, print, options.pauseMs).finally(() => stage.close());
    process.exitCode = failed === 0 ? 0 : 1;
    return;
  }
  print(describe(stage));
  const ledgerTimer = printLedger(stage);
  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  clearInterval(ledgerTimer);
  await stage.close();
}

/** Undefined: the command line is wrong, or asks for help. */
function readOptions(args: readonly string[]): { once: boolean; pauseMs: number } | undefined {
  const [first, second, seconds, ...more] = args;
  if (first === undefined) return { once: false, pauseMs: 0 };
  if (first !== '--once' || more.length > 0) return undefined;
  if (second === undefined) return { once: true, pauseMs: 0 };
  const pauseMs = Number(seconds) * 1_000;
  return second === '--pause' && pauseMs >= 0 ? { once: true, pauseMs } : undefined;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

main().catch((error: unknown) => {
  process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
