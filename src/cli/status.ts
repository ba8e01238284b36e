import { nearest } from '../nearest.ts';
import type { StatusDocument } from '../operator/status-document.ts';
import { cannotServe, type CredentialStatus } from '../tokens/status.ts';
import { refusedCalls } from './refused-table.ts';
import { accountTable, expiryOf, loginsOf, notShown, reloadTrouble, storeTrouble } from './account-table.ts';
import { CANNOT_SERVE } from './exit-codes.ts';
import { formatDuration } from './format-duration.ts';
import { fetchStatus, OperatorError } from './operator-client.ts';
import { operatorAddress, type OperatorAddress, type OperatorOptions } from './operator-options.ts';
import { print } from './options.ts';
import { watch } from './watch.ts';

/** Between two looks of `--watch`. ms. */
const WATCH_MS = 2_000;

/** The options of `tokenward status`. */
interface Options extends OperatorOptions {
  readonly watch?: boolean;
  readonly json?: boolean;
  readonly fail?: boolean;
}

/** `tokenward status`: a table, one account, or the JSON document. */
export async function status(options: Options, account: string | undefined): Promise<void> {
  const address = operatorAddress(options);
  const last = { failed: false };
  const look = async (): Promise<string> => {
    const document = await documentOf(address, account);
    last.failed = !document.store.usable || document.accounts.some(({ state }) => cannotServe(state));
    if (options.json === true) return `${JSON.stringify(document, null, 2)}\n`;
    const [one] = document.accounts;
    if (account !== undefined && one !== undefined) return troubles(document) + details(one, document.now);
    return (
      troubles(document) + accountTable(document.accounts, document.now) + notShown(document) + refusedCalls(document)
    );
  };
  if (options.watch === true) await watch(look, WATCH_MS);
  else print(await look());
  if (last.failed && options.fail === true) process.exitCode = CANNOT_SERVE;
}

/** The document, of one account only if it is named. Throws an OperatorError. */
async function documentOf(address: OperatorAddress, account: string | undefined): Promise<StatusDocument> {
  const document = await fetchStatus(address);
  if (account === undefined) return document;
  const accounts = document.accounts.filter((one) => one.account === account);
  if (accounts.length > 0) return { ...document, accounts };
  const names = document.accounts.map((one) => one.account);
  const meant = nearest(account, names);
  const unlisted = document.accountCount.known > names.length ? ', or it is not in use' : '';
  throw new OperatorError(
    `There is no account of this name${unlisted}. ` +
      (meant === undefined ? `The accounts are ${shortened(names)}.` : `Did you mean "${meant}"?`),
  );
}

function troubles(document: StatusDocument): string {
  return storeTrouble(document) + reloadTrouble(document);
}

/** Names in an error message. */
const MAX_NAMES = 10;

function shortened(names: readonly string[]): string {
  const more = names.length - MAX_NAMES;
  return `${names.slice(0, MAX_NAMES).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** All that is known of one account. */
function details(account: CredentialStatus, now: number): string {
  const ago = (at: number | undefined): string =>
    at === undefined ? '-' : `${formatDuration(Math.max(1, now - at))} ago`;
  const left = (at: number | undefined): string => (at === undefined ? '-' : formatDuration(at - now));
  const rows: (readonly [string, string])[] = [
    ['account', account.account],
    ['flow', account.flow],
    ['state', account.state],
    ['problem', account.problem ?? '-'],
    ['generation', String(account.generation)],
    ['obtained', ago(account.obtainedAt)],
    ['expires in', expiryOf(account, now)],
    ['refresh token', `expires in ${left(account.refreshExpiresAt)}`],
    ['rejected', ago(account.refusedAt)],
    ['waiting', `${account.waiting} requests${account.renewing ? ', for a renewal that runs' : ''}`],
    ['next try in', account.retryAt !== undefined && account.retryAt > now ? left(account.retryAt) : '-'],
    ['logins left', loginsOf(account)],
  ];
  return rows.map(([name, value]) => `${name.padEnd(13)}  ${value}\n`).join('');
}
