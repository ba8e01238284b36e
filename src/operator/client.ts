import type { StatusDocument } from './view.ts';

/** The operator port did not answer, or said no; the message is for the operator. */
export class OperatorError extends Error {}

/** What `tokenward status` prints: a table, or the document as it is. */
export async function operatorStatus(url: string, json: boolean): Promise<string> {
  const status = (await ask(`${url}/status`, 'GET')) as Partial<StatusDocument>;
  if (!isStatus(status)) throw new OperatorError(`What answers at ${new URL(url).origin} is not tokenward's operator port. Name that with --operator URL.`);
  if (json) return `${JSON.stringify(status, null, 2)}\n`;
  const rows = status.accounts.map((account) => [
    account.account,
    account.flow,
    account.dead ? 'DEAD' : !account.ready ? 'not ready' : account.renewing ? 'renewing' : account.generation === 0 ? 'unused' : 'ok',
    String(account.generation),
    account.expiresAt === undefined ? '-' : span(account.expiresAt - status.now),
    account.budget === undefined ? '-' : `${account.budget.remaining} of ${account.budget.limit}`,
    account.problem ?? '',
  ]);
  return table([['ACCOUNT', 'FLOW', 'STATE', 'GENERATION', 'EXPIRES IN', 'LOGINS LEFT', 'PROBLEM'], ...rows]) + notShown(status);
}

function notShown({ accounts, accountCount }: StatusDocument): string {
  const more = accountCount.known - accounts.length;
  return more > 0 ? `… and ${more} more accounts, ${Math.max(0, accountCount.inMemory - accounts.length)} of them in use\n` : '';
}

/** What `tokenward renew` prints. */
export async function operatorRenew(url: string, account: string, useReserve: boolean): Promise<string> {
  const answer = (await ask(`${url}/renew/${encodeURIComponent(account)}${useReserve ? '?reserve=true' : ''}`, 'POST')) as { generation?: number };
  if (answer.generation === undefined) throw new OperatorError(`What answers at ${new URL(url).origin} is not tokenward's operator port. Name that with --operator URL.`);
  return `${account} has a new token, generation ${answer.generation}\n`;
}

function isStatus(status: Partial<StatusDocument>): status is StatusDocument {
  return Array.isArray(status.accounts) && typeof status.now === 'number';
}

async function ask(url: string, method: string): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(url, { method });
  } catch {
    throw new OperatorError(`Nothing answers at ${new URL(url).origin}. Is tokenward running? Name its operator port with --operator URL.`);
  }
  const body = (await response.json().catch(() => ({}))) as { code?: string; title?: string; detail?: string };
  if (!response.ok) throw new OperatorError(`${body.detail ?? body.title ?? `status ${response.status}`}${body.code === undefined ? '' : ` (${body.code})`}`);
  return body;
}

function span(milliseconds: number): string {
  if (milliseconds <= 0) return 'over';
  const minutes = Math.floor(milliseconds / 60_000);
  if (minutes < 1) return `${Math.ceil(milliseconds / 1000)} s`;
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return `${rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column]!)).join('  ').trimEnd()).join('\n')}\n`;
}
