import type { RenewNowOptions } from '../tokens/manager.ts';
import type { CredentialStatus } from '../tokens/status.ts';
import type { StatusDocument } from '../operator/view.ts';

/** The operator port did not answer, or said no; the message is for the operator. */
export class OperatorError extends Error {
  /** The error code of an answer that said no. */
  readonly code: string | undefined;

  constructor(message: string, code?: string) {
    super(message);
    this.code = code;
  }
}

/** What `tokenward status` prints: a table, or the document as it is. */
export async function operatorStatus(url: string, json: boolean, key?: string): Promise<string> {
  const status = (await ask(`${url}/status`, 'GET', key)) as Partial<StatusDocument>;
  if (!isStatus(status)) throw new OperatorError(`What answers at ${new URL(url).origin} is not tokenward's operator port. Name that with --operator URL.`);
  if (json) return `${JSON.stringify(status, null, 2)}\n`;
  const rows = status.accounts.map((account) => [
    account.account,
    account.flow,
    account.state,
    String(account.generation),
    lifeOf(account, status.now),
    loginsOf(account),
    problemOf(account, status.now),
  ]);
  return storeTrouble(status) + table([['ACCOUNT', 'FLOW', 'STATE', 'GENERATION', 'EXPIRES IN', 'LOGINS LEFT', 'PROBLEM'], ...rows]) + notShown(status);
}

/** Of a token that is known to be refused it does not matter when it ends. */
function lifeOf({ refusedAt, expiresAt }: CredentialStatus, now: number): string {
  if (refusedAt !== undefined) return 'refused';
  return expiresAt === undefined ? '-' : span(expiresAt - now);
}

/** Automatic logins, and behind the plus what is left of the operators' reserve. */
function loginsOf({ budget }: CredentialStatus): string {
  if (budget === undefined) return '-';
  return `${budget.remaining} of ${budget.limit}${budget.reserveLimit > 0 ? ` (+${budget.reserveRemaining})` : ''}`;
}

function problemOf({ problem, retryAt }: CredentialStatus, now: number): string {
  if (problem === undefined) return '';
  return retryAt !== undefined && retryAt > now ? `${problem}; next try in ${span(retryAt - now)}` : problem;
}

function storeTrouble({ store, now }: StatusDocument): string {
  return store.usable ? '' : `The token store has been unusable for ${span(Math.max(1, now - store.since))}: ${store.error ?? 'no reason is known'}\n\n`;
}

function notShown({ accounts, accountCount }: StatusDocument): string {
  const more = accountCount.known - accounts.length;
  return more > 0 ? `… and ${more} more accounts, ${Math.max(0, accountCount.inMemory - accounts.length)} of them in use\n` : '';
}

/** What `tokenward renew` prints. */
export async function operatorRenew(url: string, account: string, { useReserve = false, login = false }: RenewNowOptions, key?: string): Promise<string> {
  const query = new URLSearchParams({ ...(useReserve && { reserve: 'true' }), ...(login && { login: 'true' }) }).toString();
  const answer = (await ask(`${url}/renew/${encodeURIComponent(account)}${query === '' ? '' : `?${query}`}`, 'POST', key).catch(async (error: unknown) => {
    if (!(error instanceof OperatorError) || error.code !== 'login_budget_exhausted') throw error;
    throw new OperatorError(`${error.message}\n${await reserveOf(url, account, key)}`, error.code);
  })) as { generation?: number };
  if (answer.generation === undefined) throw new OperatorError(`What answers at ${new URL(url).origin} is not tokenward's operator port. Name that with --operator URL.`);
  return `${account} has a new token, generation ${answer.generation}\n`;
}

/** What can be done once the automatic logins are used up. */
async function reserveOf(url: string, account: string, key: string | undefined): Promise<string> {
  const { accounts, now } = (await ask(`${url}/status`, 'GET', key)) as StatusDocument;
  const budget = accounts.find((one) => one.account === account)?.budget;
  if (budget === undefined) return `tokenward renew ${account} --use-reserve spends a login of the reserve.`;
  const { reserveRemaining, reserveLimit, retryAt } = budget;
  const next = retryAt === undefined ? '' : ` The next automatic login is possible in ${span(retryAt - now)}.`;
  if (reserveRemaining === 0) return `The reserve of ${reserveLimit} is used up as well.${next}`;
  return `${reserveRemaining} of ${reserveLimit} logins in reserve are left: tokenward renew ${account} --use-reserve spends one.${next}`;
}

function isStatus(status: Partial<StatusDocument>): status is StatusDocument {
  return Array.isArray(status.accounts) && typeof status.now === 'number' && status.store !== undefined;
}

/** How long a command waits until an account may be renewed by hand once more. s. */
const WAIT_MOST = 10;

/** `key`: the operator's. An account renewed a moment ago is asked for again once it may be. */
async function ask(url: string, method: string, key: string | undefined, again = true): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(url, { method, ...(key !== undefined && { headers: { 'x-tokenward-key': key } }) });
  } catch {
    throw new OperatorError(`Nothing answers at ${new URL(url).origin}. Is tokenward running? Name its operator port with --operator URL.`);
  }
  const body = (await response.json().catch(() => ({}))) as { code?: string; title?: string; detail?: string };
  const wait = Number(response.headers.get('retry-after'));
  if (again && body.code === 'renewed_just_now' && wait > 0 && wait <= WAIT_MOST) {
    await new Promise((resolve) => setTimeout(resolve, wait * 1000));
    return ask(url, method, key, false);
  }
  if (!response.ok) throw new OperatorError(messageOf(body, response.status), body.code);
  return body;
}

/** The operator port's own refusals say in `detail` what may be meant; of all others it is the whole story. */
function messageOf({ code, title, detail }: { code?: string; title?: string; detail?: string }, status: number): string {
  const what = code === 'account_unknown' && title !== undefined && detail !== undefined ? `${title} ${detail}` : detail ?? title ?? `status ${status}`;
  return `${what}${code === undefined ? '' : ` (${code})`}`;
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
