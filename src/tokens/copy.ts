import type { CredentialRecord, Records } from './records.ts';
import { isAccountKey, StoreError, type TokenStore } from './store.ts';
import { Token } from './token.ts';

/** The source or target of a copy: a store, and its unsealed records. */
export interface CopyEnd {
  readonly store: TokenStore;
  readonly records: Records;
}

export interface CopyOptions {
  /** Also replace records of the target that are as new or newer. */
  readonly overwrite: boolean;
  /** Only report what would be done. */
  readonly dryRun: boolean;
}

export type CopyOutcome = 'copied' | 'already there' | 'in the way';

export interface CopyReport {
  /** `generation`: the target's after the copy, or that of the record in the way. */
  readonly accounts: readonly {
    readonly account: string;
    readonly generation: number;
    readonly outcome: CopyOutcome;
  }[];
  /** Counted logins that the target lacked. */
  readonly logins: number;
  /** A record was in the way, so nothing was written. */
  readonly refused: boolean;
}

/** How long the target keeps counted logins that are never read; a reader applies its own window. ms. */
const LOGINS_KEPT_MS = 31 * 86_400_000;

/**
 * Copies every record and counted login from one store to another. The source is only read. Nothing is written before
 * everything has been read and compared; a second run after a failure continues where the first ended. Rejects with a
 * StoreError, also if the source turns out to be in use: two processes would spend its tokens.
 */
export async function copyRecords(from: CopyEnd, to: CopyEnd, options: CopyOptions): Promise<CopyReport> {
  const plans: CopyStep[] = [];
  for (const account of await from.store.accounts()) {
    const planOf = isAccountKey(account) ? plan : planShared;
    plans.push(await planOf(from, to, account, options.overwrite));
  }
  const refused = plans.some(({ outcome }) => outcome === 'in the way');
  const logins = await missingLogins(from.store, to.store);
  if (!refused && !options.dryRun) {
    // The counts before the tokens, so that no budget is exceeded in between.
    for (const { budget, entries } of logins) await to.store.restoreBudget(budget, entries, LOGINS_KEPT_MS);
    for (const { account, write } of plans) {
      if (write !== undefined && !(await write()))
        throw new StoreError(
          `The record of ${account} in the target was changed meanwhile. Stop what uses it, then run the copy again.`,
        );
    }
    for (const { account, revision } of plans) {
      if ((await from.store.read(account))?.revision !== revision)
        throw new StoreError(
          `The record of ${account} was changed by a running tokenward while it was copied. Stop that one, ` +
            'then run the copy again.',
        );
    }
  }
  return {
    accounts: plans.map(({ account, generation, outcome }) => ({ account, generation, outcome })),
    logins: logins.reduce((sum, { entries }) => sum + entries.length, 0),
    refused,
  };
}

interface CopyStep {
  readonly account: string;
  /** The source's, when it was read. */
  readonly revision: number;
  readonly generation: number;
  readonly outcome: CopyOutcome;
  /** False: another process wrote in between. */
  readonly write?: () => Promise<boolean>;
}

async function plan(from: CopyEnd, to: CopyEnd, account: string, overwrite: boolean): Promise<CopyStep> {
  const [source, target] = [await from.records.read(account), await to.records.read(account)];
  const { revision } = source;
  if (target.revision > 0 && same(source, target))
    return { account, revision, generation: target.generation, outcome: 'already there' };
  const targetIsNewer = target.revision > 0 && target.generation >= source.generation;
  if (targetIsNewer && !overwrite) return { account, revision, generation: target.generation, outcome: 'in the way' };
  // A generation never goes back: to a process with the target's token in memory this one must be newer.
  const generation = targetIsNewer ? target.generation + 1 : source.generation;
  const next: CredentialRecord = {
    ...source,
    revision: target.revision,
    generation,
    token: source.token && renumbered(source.token, generation),
    ...(source.unknown && { unknown: { ...source.unknown, generation } }),
  };
  const write = async (): Promise<boolean> => (await to.records.replace(account, next)) !== undefined;
  return { account, revision, generation, outcome: 'copied', write };
}

/** The same for a record of the whole installation, which is copied as it is. */
async function planShared(from: CopyEnd, to: CopyEnd, account: string, overwrite: boolean): Promise<CopyStep> {
  const [source, target] = [await from.records.readShared(account), await to.records.readShared(account)];
  if (source === undefined) throw new StoreError(`The record ${account} was removed while it was copied.`);
  const { revision, text } = source;
  if (target?.text === text) return { account, revision, generation: target.generation, outcome: 'already there' };
  const targetIsNewer = target !== undefined && target.generation >= source.generation;
  if (targetIsNewer && !overwrite) return { account, revision, generation: target.generation, outcome: 'in the way' };
  const generation = targetIsNewer ? target.generation + 1 : source.generation;
  const write = (): Promise<boolean> => to.records.replaceShared(account, target?.revision ?? 0, { generation, text });
  return { account, revision, generation, outcome: 'copied', write };
}

function renumbered(token: Token, generation: number): Token {
  const { obtainedAt, expiresAt, refreshExpiresAt, deadline } = token;
  return new Token(
    { generation, obtainedAt, expiresAt, refreshExpiresAt, deadline },
    token.reveal(),
    token.revealRefresh(),
    token.revealValues(),
  );
}

/** Whether two records are equal. The target's may have got a higher generation when it was overwritten. */
function same(a: CredentialRecord, b: CredentialRecord): boolean {
  const { token: x } = a;
  const { token: y } = b;
  const tokens =
    x === undefined || y === undefined
      ? x === y
      : x.reveal() === y.reveal() &&
        x.revealRefresh() === y.revealRefresh() &&
        JSON.stringify(x.revealValues()) === JSON.stringify(y.revealValues());
  return (
    tokens &&
    b.generation >= a.generation &&
    a.identity === b.identity &&
    a.intent?.startedAt === b.intent?.startedAt &&
    a.dead?.since === b.dead?.since
  );
}

/** The source's counted logins that the target lacks; two in one millisecond are two. */
async function missingLogins(from: TokenStore, to: TokenStore): Promise<{ budget: string; entries: number[] }[]> {
  const targetBudgets = new Map((await to.budgets()).map(({ budget, entries }) => [budget, [...entries]]));
  const missing = (await from.budgets()).map(({ budget, entries }) => {
    const inTarget = targetBudgets.get(budget) ?? [];
    return {
      budget,
      entries: entries.filter((at) => {
        const index = inTarget.indexOf(at);
        if (index >= 0) inTarget.splice(index, 1);
        return index < 0;
      }),
    };
  });
  return missing.filter(({ entries }) => entries.length > 0);
}
