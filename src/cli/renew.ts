import type { StatusDocument } from '../operator/status-document.ts';
import type { RenewNowOptions } from '../tokens/manager.ts';
import { callOperator, notTheOperatorPort, OperatorError } from './operator-client.ts';
import { operatorKey, operatorUrl } from './operator-options.ts';
import { print, type Options } from './options.ts';
import { formatDuration } from './format-duration.ts';
import { UsageError } from './usage-error.ts';

/** `tokenward renew`. */
export async function renew(options: Options, account: string | undefined): Promise<void> {
  if (account === undefined) throw new UsageError('renew needs the name of an account');
  const renewOptions = { useReserve: options['use-reserve'], login: options.login };
  print(await operatorRenew(operatorUrl(options), account, renewOptions, operatorKey(options)));
}

/** Requests the renewal. Returns the text to print. */
async function operatorRenew(
  url: string,
  account: string,
  { useReserve = false, login = false }: RenewNowOptions,
  key?: string,
): Promise<string> {
  const parameters = { ...(useReserve && { reserve: 'true' }), ...(login && { login: 'true' }) };
  const query = new URLSearchParams(parameters).toString();
  const target = `${url}/renew/${encodeURIComponent(account)}${query === '' ? '' : `?${query}`}`;
  const response = (await callOperator(target, 'POST', key).catch(async (error: unknown) => {
    if (!(error instanceof OperatorError) || error.code !== 'login_budget_exhausted') throw error;
    throw new OperatorError(`${error.message}\n${await reserveOf(url, account, key)}`, error.code);
  })) as { generation?: number };
  if (response.generation === undefined) throw notTheOperatorPort(url);
  return `${account} has a new token, generation ${response.generation}\n`;
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
