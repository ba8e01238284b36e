import type { StatusDocument } from '../operator/status-document.ts';
import type { AccountStatusName, CredentialStatus } from '../tokens/status.ts';
import { coloured, type Style } from './colour.ts';
import { formatDuration } from './format-duration.ts';
import { table } from './table.ts';

const HEAD = ['ACCOUNT', 'FLOW', 'STATE', 'GENERATION', 'EXPIRES IN', 'LOGINS LEFT', 'PROBLEM'];
const STATE_COLUMN = HEAD.indexOf('STATE');

const STYLES: Readonly<Record<AccountStatusName, Style>> = {
  working: 'green',
  unused: 'dim',
  renewing: 'cyan',
  degraded: 'yellow',
  down: 'red',
  out_of_logins: 'red',
  dead: 'red',
};

/** One line for each account, for standard output. */
export function accountTable(accounts: readonly CredentialStatus[], now: number): string {
  const rows = accounts.map((account) => [
    account.account,
    account.flow,
    account.state,
    String(account.generation),
    expiryOf(account, now),
    loginsOf(account),
    problemOf(account, now),
  ]);
  return table([HEAD, ...rows], (cell, column, row) =>
    row === 0
      ? coloured(process.stdout, 'bold', cell)
      : column === STATE_COLUMN
        ? coloured(process.stdout, STYLES[cell as AccountStatusName], cell)
        : cell,
  );
}

/** Time until the token expires. It does not matter for a rejected one. */
export function expiryOf({ refusedAt, expiresAt }: CredentialStatus, now: number): string {
  if (refusedAt !== undefined) return 'refused';
  return expiresAt === undefined ? '-' : formatDuration(expiresAt - now);
}

/** Automatic logins left and, after the plus, those of the reserve; then the renewals left of each budget of them. */
export function loginsOf({ budget, renewalsLeft = [] }: CredentialStatus): string {
  const left = renewalsLeft.map(({ remaining, limit }) => `${remaining} of ${limit} renewals`);
  if (budget !== undefined)
    left.unshift(
      `${budget.remaining} of ${budget.limit}${budget.reserveLimit > 0 ? ` (+${budget.reserveRemaining})` : ''}`,
    );
  return left.length === 0 ? '-' : left.join(', ');
}

function problemOf({ problem, retryAt }: CredentialStatus, now: number): string {
  if (problem === undefined) return '';
  return retryAt !== undefined && retryAt > now ? `${problem}; next try in ${formatDuration(retryAt - now)}` : problem;
}

/** What is wrong with the store, above the table; an empty text if nothing is. */
export function storeTrouble({ store, now }: StatusDocument): string {
  return store.usable
    ? ''
    : `The token store has been unusable for ${formatDuration(Math.max(1, now - store.since))}: ` +
        `${store.error ?? 'no reason is known'}\n\n`;
}

/** How many accounts the document does not list. */
export function notShown({ accounts, accountCount }: StatusDocument): string {
  const more = accountCount.known - accounts.length;
  return more > 0
    ? `… and ${more} more accounts, ${Math.max(0, accountCount.inMemory - accounts.length)} of them in use\n`
    : '';
}

/** Why the configuration in use is not what its file says. */
export function reloadTrouble({ config, now }: StatusDocument): string {
  const last = config?.lastReload;
  if (last?.ok !== false) return '';
  const ago = formatDuration(Math.max(1, now - last.at));
  return `The configuration was not reloaded ${ago} ago, and the one before it is in use: ${last.error ?? ''}\n\n`;
}
