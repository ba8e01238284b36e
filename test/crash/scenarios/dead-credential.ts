import { run } from '../../support/process.ts';
import { mark } from '../join.ts';
import { MODES } from '../modes.ts';
import type { Tally } from '../report.ts';
import { Stage } from '../stage.ts';

const REQUESTS = 25;

/** Credentials that the upstream refused are tried once, and again only when an operator or a new configuration says so. */
export async function deadCredential(tally: Tally): Promise<void> {
  await Stage.with(MODES[3]!, {}, async (stage) => {
    const { ledger, sandbox } = stage;
    const setPassword = (password: string): void => {
      sandbox.softline.accounts[0] = { ...sandbox.softline.accounts[0]!, password };
    };
    const operatorRenews = async (): Promise<number | null> => (await run(['renew', 'main', '--operator', stage.child.operatorUrl])).code;
    /** Many requests: each is told, and so many logins arrive. */
    const requests = async (what: string, calls: number): Promise<void> => {
      const since = mark(ledger);
      const told: (string | undefined)[] = [];
      for (let request = 0; request < REQUESTS; request += 1) told.push((await stage.send()).code);
      const made = stage.tokenCalls(since);
      const others = told.filter((code) => code !== 'credential_dead');
      tally.count(`dead credential: ${what}`, made === calls && others.length === 0 ? undefined : `${made} token calls; ${others.length} requests were told ${String(others[0])}`);
    };
    await stage.send();
    const original = sandbox.softline.accounts[0]!.password;
    setPassword('changed at the vendor');
    stage.revoke();
    await requests(`${REQUESTS} requests, one login`, 1);
    await stage.restart();
    await requests('a restart changes nothing', 0);
    let since = mark(ledger);
    tally.count('dead credential: an operator may try once more', await operatorRenews() !== 0 && stage.tokenCalls(since) === 1 ? undefined : `${stage.tokenCalls(since)} token calls`);
    await requests('and it is dead again', 0);

    stage.change((config) => {
      const { main } = config['accounts'] as Record<string, Record<string, unknown>>;
      return { ...config, accounts: { main: { ...main, credentials: { ...(main!['credentials'] as object), password: 'changed at the vendor' } } } };
    });
    await stage.restart();
    since = mark(ledger);
    const revived = await stage.send();
    tally.count('dead credential: other credentials get a new chance', revived.outcome === 'answered' && stage.tokenCalls(since) === 1 ? undefined : revived.code ?? revived.outcome);

    setPassword(original);
    stage.revoke();
    await requests('dead once more', 1);
    setPassword('changed at the vendor');
    await requests('nobody looks by himself whether it works again', 0);
    tally.count('dead credential: an operator brings it back', await operatorRenews() === 0 && (await stage.send()).outcome === 'answered' ? undefined : 'it stays dead');
  });
}
