import { setTimeout as sleep } from 'node:timers/promises';
import { requestFaults } from '../../join.ts';
import { askedOf } from './clients.ts';
import type { Account } from './accounts.ts';
import type { RedisSoak } from './run-state.ts';

/** Holds the clients, waits for what is under way, joins the ledgers and clears them: they are bounded. */
export async function joinLedgers(run: RedisSoak, inFlight: ReadonlySet<Promise<unknown>>): Promise<void> {
  run.paused = true;
  await Promise.race([Promise.all(inFlight), sleep(25_000)]);
  for (const account of run.accounts) {
    await account.sandbox.ledger.idle(10_000).catch(() => run.wrong.add(`${account.role.name}: open requests`));
    joinRequests(run, account);
    joinTokenRequests(run, account);
    account.callers.entries.length = 0;
    account.sandbox.ledger.clear();
  }
  run.excuses.forget(performance.now() - 120_000);
  run.paused = false;
}

function joinRequests({ excuses, counts, wrong }: RedisSoak, { role, callers, sandbox }: Account): void {
  for (const fault of requestFaults(callers.entries, sandbox.ledger)) wrong.add(`${role.name}: ${fault}`);
  for (const entry of callers.entries) {
    const { outcome, code, id, method, startedAt, endedAt } = entry;
    counts.requests += 1;
    if (outcome === 'answered') counts.answered += 1;
    if (!role.healthy) {
      if (outcome === 'answered') wrong.add(`${role.name}: ${id} was answered`);
      continue;
    }
    counts.healthy += 1;
    if (outcome === 'answered') continue;
    const replica = askedOf.get(entry) ?? '';
    if (excuses.of(role.name, replica, startedAt, endedAt ?? startedAt) !== undefined) counts.excused += 1;
    else {
      const took = ((endedAt ?? startedAt) - startedAt).toFixed(0);
      const when = `${new Date(performance.timeOrigin + startedAt).toISOString()}, after ${took} ms`;
      wrong.add(`${role.name}: ${method} ${id} to the ${replica} came to ${code ?? outcome} for no reason (${when})`);
    }
  }
}

function joinTokenRequests({ counts, wrong }: RedisSoak, account: Account): void {
  const { role, sandbox, seen, doubts } = account;
  const inDoubt = (at: number): boolean =>
    doubts.some(({ from, until }) => at >= performance.timeOrigin + from && at <= performance.timeOrigin + until);
  for (const { kind, at, issued, reason, refreshTokenId } of sandbox.ledger.entries({
    where: (entry) => entry.kind !== 'api',
  })) {
    if (kind === 'login') {
      if (issued === null) seen.refusedLogins += 1;
      else seen.logins += 1;
      continue;
    }
    seen.refreshes += 1;
    const when = new Date(at).toISOString();
    if (reason === 'family-revoked') {
      seen.revoked += 1;
      if (!inDoubt(at)) wrong.add(`${role.name}: a family of tokens was revoked (${when})`);
    }
    if (refreshTokenId === null) continue;
    if (seen.spent.has(refreshTokenId)) {
      if (inDoubt(at)) counts.excusedSpends += 1;
      else wrong.add(`${role.name}: the refresh token of ${refreshTokenId} arrived twice (${when})`);
    }
    seen.spent.add(refreshTokenId);
  }
  if (account.countEvicted) seen.forgottenLogins = seen.refusedLogins;
  account.countEvicted = false;
}
