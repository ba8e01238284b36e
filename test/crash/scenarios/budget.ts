import { metric } from '../../support/call.ts';
import { run } from '../../support/process.ts';
import { loginsIn, mark } from '../join.ts';
import { MODES } from '../modes.ts';
import type { Tally } from '../../harness/tally.ts';
import { Stage } from '../stage.ts';

/** Three logins by itself, two more for an operator. */
const BUDGET = { logins: 5, reserve: 2 };

/** The login budget: counted before the call, over restarts; used up it says so; the reserve is an operator's. */
export async function budget(tally: Tally): Promise<void> {
  const change = (config: Record<string, unknown>): Record<string, unknown> => {
    const { main } = config['accounts'] as Record<string, Record<string, unknown>>;
    return { ...config, accounts: { main: { ...main, budget: BUDGET } } };
  };
  await Stage.with(MODES[3]!, { change }, async (stage) => {
    const { ledger } = stage;
    const exhausted = async (what: string): Promise<void> => {
      const since = mark(ledger);
      stage.revoke();
      const { code, status, retryAfter } = await stage.send();
      tally.count(
        `budget: ${what}`,
        code === 'login_budget_exhausted' && status === 503 && retryAfter! >= 1 && loginsIn(ledger, since) === 0
          ? undefined
          : `${code ?? 'answered'} ${String(status)}, Retry-After ${String(retryAfter)}, ${loginsIn(ledger, since)} logins`,
      );
    };
    for (let login = 1; login <= BUDGET.logins - BUDGET.reserve; login += 1) {
      stage.revoke();
      const { outcome, code } = await stage.send();
      tally.count(
        `budget: login ${login} of the automatic ones`,
        outcome === 'answered' ? undefined : (code ?? outcome),
      );
      // A login that is killed before its answer is stored has been counted all the same; the restart makes no
      // difference.
      if (login === 1) await stage.restart();
    }
    await exhausted('used up: 503 with Retry-After, and no login');
    const left = await metric(stage.child.operatorUrl, 'tokenward_login_budget_remaining');
    const withheld = await metric(stage.child.operatorUrl, 'tokenward_renewal_failures_total', { reason: 'budget' });
    tally.count(
      'budget: the metrics say so',
      left === 0 && withheld > 0 ? undefined : `remaining ${left}, withheld ${withheld}`,
    );
    await stage.restart();
    await exhausted('a restart gives none of it back');

    const renew = async (...more: string[]): Promise<number | null> =>
      (await run(['renew', 'main', ...more, '--operator', stage.child.operatorUrl])).code;
    let since = mark(ledger);
    tally.count(
      'budget: renew alone does not touch the reserve',
      (await renew()) !== 0 && loginsIn(ledger, since) === 0 ? undefined : `${loginsIn(ledger, since)} logins`,
    );
    for (let reserve = 1; reserve <= BUDGET.reserve; reserve += 1) {
      since = mark(ledger);
      const code = await renew('--use-reserve');
      const { outcome } = await stage.send();
      tally.count(
        `budget: renew --use-reserve, ${reserve} of ${BUDGET.reserve}`,
        code === 0 && outcome === 'answered' && loginsIn(ledger, since) === 1
          ? undefined
          : `exit ${String(code)}, ${outcome}, ${loginsIn(ledger, since)} logins`,
      );
    }
    since = mark(ledger);
    tally.count(
      'budget: nor does anybody spend more than there is',
      (await renew('--use-reserve')) !== 0 && loginsIn(ledger, since) === 0
        ? undefined
        : `${loginsIn(ledger, since)} logins`,
    );
    tally.count(
      'budget: logins in all',
      loginsIn(ledger, 0) === BUDGET.logins ? undefined : String(loginsIn(ledger, 0)),
    );
  });
}
