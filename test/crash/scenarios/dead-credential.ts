import { run } from '../../support/process.ts';
import { mark } from '../join.ts';
import { MODES } from '../modes.ts';
import type { Tally } from '../../harness/tally.ts';
import { Stage } from '../stage.ts';

const REQUESTS = 25;

/**
 * Credentials that the upstream refused are tried once, and again only when an operator or a new configuration says so.
 */
export async function deadCredential(tally: Tally): Promise<void> {
  await Stage.with(MODES[3]!, {}, async (stage) => {
    const { ledger, sandbox } = stage;
    const setPassword = (password: string): void => {
      sandbox.softline.accounts[0] = { ...sandbox.softline.accounts[0]!, password };
    };
    const operatorRenews = async (): Promise<number | null> =>
      (await run(['renew', 'main', '--operator', stage.child.operatorUrl])).code;
    /** Many requests: each is told, and so many logins arrive. */
    const requests = async (what: string, calls: number, code = 'credential_dead'): Promise<void> => {
      const since = mark(ledger);
      const told: (string | undefined)[] = [];
      for (let request = 0; request < REQUESTS; request += 1) told.push((await stage.send()).code);
      const made = stage.tokenCalls(since);
      const others = told.filter((one) => one !== code);
      tally.count(
        `dead credential: ${what}`,
        made === calls && others.length === 0
          ? undefined
          : `${made} token calls; ${others.length} requests were told ${String(others[0])}`,
      );
    };
    await stage.send();
    const original = sandbox.softline.accounts[0]!.password;
    setPassword('changed at the vendor');
    stage.revoke();
    // It worked within the last hour, so it is looked at once more, minutes later, before anybody is called dead.
    await requests(`${REQUESTS} requests, one login`, 1, 'token_unavailable');
    await stage.restart();
    await requests('a restart changes nothing', 0, 'token_unavailable');
    let since = mark(ledger);
    tally.count(
      'dead credential: an operator may try once more',
      (await operatorRenews()) !== 0 && stage.tokenCalls(since) === 1
        ? undefined
        : `${stage.tokenCalls(since)} token calls`,
    );
    await requests('and it is dead again', 0);

    stage.change((config) => {
      const { main } = config['accounts'] as Record<string, Record<string, unknown>>;
      return {
        ...config,
        accounts: {
          main: { ...main, credentials: { ...(main!['credentials'] as object), password: 'changed at the vendor' } },
        },
      };
    });
    await stage.restart();
    since = mark(ledger);
    const revived = await stage.send();
    tally.count(
      'dead credential: other credentials get a new chance',
      revived.outcome === 'answered' && stage.tokenCalls(since) === 1 ? undefined : (revived.code ?? revived.outcome),
    );

    setPassword(original);
    stage.revoke();
    await requests('refused once more', 1, 'token_unavailable');
    setPassword('changed at the vendor');
    await requests('nobody looks sooner whether it works again', 0, 'token_unavailable');
    tally.count(
      'dead credential: an operator brings it back',
      (await operatorRenews()) === 0 && (await stage.send()).outcome === 'answered' ? undefined : 'it stays dead',
    );
  });
}
