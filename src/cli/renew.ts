import type { StatusDocument } from '../operator/status-document.ts';
import { callOperator, fetchStatus, notTheOperatorPort, OperatorError } from './operator-client.ts';
import { operatorAddress, type OperatorAddress, type OperatorOptions } from './operator-options.ts';
import { print } from './options.ts';
import { formatDuration } from './format-duration.ts';
import { UsageError } from './usage-error.ts';

/** The options of `tokenward renew`. */
interface Options extends OperatorOptions {
  readonly dead?: boolean;
  readonly all?: boolean;
  readonly login?: boolean;
  readonly useReserve?: boolean;
  readonly json?: boolean;
}

/** What came of one account's renewal. */
interface Renewed {
  readonly account: string;
  readonly ok: boolean;
  /** Of the new token. */
  readonly generation?: number;
  /** The error code, and what is wrong. */
  readonly code?: string;
  readonly error?: string;
}

/** `tokenward renew`: one account after another. Throws an OperatorError if one has no new token. */
export async function renew(options: Options, named: readonly string[]): Promise<void> {
  const { dead = false, all = false } = options;
  if (Number(named.length > 0) + Number(dead) + Number(all) !== 1)
    throw new UsageError(
      named.length + Number(dead) + Number(all) === 0
        ? 'renew needs the name of an account, or --dead, or --all'
        : 'renew takes names, or --dead, or --all',
    );
  const address = operatorAddress(options);
  const accounts = named.length > 0 ? [...new Set(named)] : await chosen(address, dead);
  const results: Renewed[] = [];
  for (const account of accounts) {
    const result = await renewed(address, account, options);
    // /status does not say which tokens are fixed.
    if (all && result.error?.includes('its token is fixed') === true) continue;
    results.push(result);
    if (options.json === true) continue;
    if (result.ok) print(`${account} has a new token, generation ${result.generation!}\n`);
    // The only one is reported by the exit.
    else if (accounts.length > 1) process.stderr.write(`${account} has no new token: ${result.error!}\n`);
  }
  if (options.json === true) print(`${JSON.stringify(results, null, 2)}\n`);
  else if (accounts.length === 0) print(`${dead ? 'No account is dead.' : 'There is no account to renew.'}\n`);
  const failed = results.filter(({ ok }) => !ok);
  if (failed.length === 0) return;
  if (options.json === true) process.exitCode = 1;
  else if (accounts.length === 1) throw new OperatorError(failed[0]!.error!, failed[0]!.code);
  else throw new OperatorError(`${failed.length} of ${accounts.length} accounts have no new token.`);
}

/** The dead accounts, or all declared ones whose token can be renewed. */
async function chosen(address: OperatorAddress, dead: boolean): Promise<string[]> {
  const { accounts } = await fetchStatus(address);
  return accounts.filter((one) => (dead ? one.dead : one.named && one.flow !== 'static')).map(({ account }) => account);
}

/** One renewal. Throws an OperatorError only if there is no operator port. */
async function renewed(
  { url, key }: OperatorAddress,
  account: string,
  { useReserve = false, login = false }: Options,
): Promise<Renewed> {
  const parameters = { ...(useReserve && { reserve: 'true' }), ...(login && { login: 'true' }) };
  const query = new URLSearchParams(parameters).toString();
  const target = `${url}/renew/${encodeURIComponent(account)}${query === '' ? '' : `?${query}`}`;
  try {
    const { generation } = (await callOperator(target, 'POST', key)) as { generation?: number };
    if (generation === undefined) throw notTheOperatorPort(url);
    return { account, ok: true, generation };
  } catch (error) {
    if (!(error instanceof OperatorError) || error.code === undefined) throw error;
    const more = error.code === 'login_budget_exhausted' ? `\n${await reserveOf(url, account, key)}` : '';
    return { account, ok: false, code: error.code, error: `${error.message}${more}` };
  }
}

/** What an operator can do when the automatic logins are used up. */
async function reserveOf(url: string, account: string, key: string | undefined): Promise<string> {
  const { accounts, now } = (await callOperator(`${url}/status`, 'GET', key)) as StatusDocument;
  const budget = accounts.find((one) => one.account === account)?.budget;
  if (budget === undefined) return `tokenward renew ${account} --use-reserve spends a login of the reserve.`;
  const { reserveRemaining, reserveLimit, retryAt } = budget;
  const next =
    retryAt === undefined ? '' : ` The next automatic login is possible in ${formatDuration(retryAt - now)}.`;
  if (reserveRemaining === 0) return `The reserve of ${reserveLimit} is used up as well.${next}`;
  return (
    `${reserveRemaining} of ${reserveLimit} logins in reserve are left: ` +
    `tokenward renew ${account} --use-reserve spends one.${next}`
  );
}
