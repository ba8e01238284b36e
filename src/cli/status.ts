import type { StatusDocument } from '../operator/status-document.ts';
import type { RefusedCall } from '../refused-calls.ts';
import type { CredentialStatus } from '../tokens/status.ts';
import { callOperator, notTheOperatorPort } from './operator-client.ts';
import { operatorKey, operatorUrl } from './operator-options.ts';
import { print, type Options } from './options.ts';
import { formatDuration } from './format-duration.ts';

/** `tokenward status`. */
export async function status(options: Options): Promise<void> {
  print(await operatorStatus(operatorUrl(options), options.json, operatorKey(options)));
}

/** A table, or the JSON document. */
async function operatorStatus(url: string, json: boolean, key?: string): Promise<string> {
  const status = (await callOperator(`${url}/status`, 'GET', key)) as Partial<StatusDocument>;
  if (!isStatus(status)) throw notTheOperatorPort(url);
  if (json) return `${JSON.stringify(status, null, 2)}\n`;
  const rows = status.accounts.map((account) => [
    account.account,
    account.flow,
    account.state,
    String(account.generation),
    expiryOf(account, status.now),
    loginsOf(account),
    problemOf(account, status.now),
  ]);
  return (
    storeTrouble(status) +
    table([['ACCOUNT', 'FLOW', 'STATE', 'GENERATION', 'EXPIRES IN', 'LOGINS LEFT', 'PROBLEM'], ...rows]) +
    notShown(status) +
    refusedCalls(status)
  );
}

/** Time until the token expires. It does not matter for a rejected one. */
function expiryOf({ refusedAt, expiresAt }: CredentialStatus, now: number): string {
  if (refusedAt !== undefined) return 'refused';
  return expiresAt === undefined ? '-' : formatDuration(expiresAt - now);
}

/** Automatic logins left and, after the plus, those of the reserve; then the renewals left of each budget of them. */
function loginsOf({ budget, renewalsLeft = [] }: CredentialStatus): string {
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

function storeTrouble({ store, now }: StatusDocument): string {
  return store.usable
    ? ''
    : `The token store has been unusable for ${formatDuration(Math.max(1, now - store.since))}: ` +
        `${store.error ?? 'no reason is known'}\n\n`;
}

function notShown({ accounts, accountCount }: StatusDocument): string {
  const more = accountCount.known - accounts.length;
  return more > 0
    ? `… and ${more} more accounts, ${Math.max(0, accountCount.inMemory - accounts.length)} of them in use\n`
    : '';
}

/** Refused calls that the table names at most. */
const MAX_REFUSED = 10;

function refusedCalls({ refused = [], now }: Partial<StatusDocument>): string {
  if (refused.length === 0) return '';
  const rows = refused
    .slice(0, MAX_REFUSED)
    .map((call) =>
      [call.caller ?? '-', callOf(call), WHY[call.kind], String(call.count), ago(call.lastAt, now!)].map(printable),
    );
  const more = refused.length - rows.length;
  return (
    `\n${table([['CALLER', 'REFUSED', 'WHY', 'COUNT', 'LAST'], ...rows])}` +
    `${more > 0 ? `… and ${more} more. ` : ''}With --json, each has a patch of the configuration that would allow it.\n`
  );
}

const WHY: Readonly<Record<RefusedCall['kind'], string>> = {
  host: 'no route has this host',
  route: 'no route has this path',
  policy: "the route's policy",
};

function callOf({ kind, method, host, route, path }: RefusedCall): string {
  const where = kind === 'policy' ? ` of ${route ?? '?'}` : '';
  return `${method ?? ''} ${host ?? ''}${path ?? ''}${where}`.trim();
}

function ago(at: number, now: number): string {
  return now - at < 1000 ? 'now' : `${formatDuration(now - at)} ago`;
}

/** What others have sent must not write to the terminal. */
function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?');
}

function isStatus(status: Partial<StatusDocument>): status is StatusDocument {
  return Array.isArray(status.accounts) && typeof status.now === 'number' && status.store !== undefined;
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
  return `${lines.join('\n')}\n`;
}
