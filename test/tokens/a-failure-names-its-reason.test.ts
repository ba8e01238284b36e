import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { TokenwardError } from '../../src/errors.ts';
import { AccountCache, sourceOf } from '../../src/tokens/account-cache.ts';
import { AccountRecords } from '../../src/tokens/account-records.ts';
import { LoginBudgets } from '../../src/tokens/budget.ts';
import { withDefaults } from '../../src/tokens/options.ts';
import { EMPTY_RECORD, Records } from '../../src/tokens/records.ts';
import { RenewalFailures } from '../../src/tokens/renewal-failures.ts';
import { Seal, sealingKey } from '../../src/tokens/seal.ts';
import { StoreAccess } from '../../src/tokens/store-access.ts';
import { Token } from '../../src/tokens/token.ts';
import { Work } from '../../src/tokens/work.ts';
import { FakeClock } from '../support/clock.ts';
import { fakeCredential } from '../support/credential.ts';
import { MemoryStore } from '../support/memory-store.ts';

describe('a failed renewal', () => {
  it('names its reason also if a new token arrives while the failure is being stored', async () => {
    const [store, clock] = [new MemoryStore(), new FakeClock()];
    const records = new Records(store, new Seal(sealingKey(randomBytes(32).toString('base64'))), clock);
    const ignore = (): void => undefined;
    const observer = { renewed: ignore, suppressed: ignore, changed: ignore, storeFailed: ignore };
    const parts = withDefaults({ store, records, clock, observer });
    const accounts = new AccountCache(sourceOf([fakeCredential()]), parts);
    const work = new Work(accounts);
    const access = new StoreAccess(parts, work, ignore);
    const accountRecords = new AccountRecords(parts, access, new LoginBudgets(store, clock));
    const failures = new RenewalFailures(parts, work, accountRecords);
    const state = accounts.of('crm');
    const facts = { generation: 2, obtainedAt: clock.wall(), expiresAt: undefined, refreshExpiresAt: undefined };
    store.beforeReplace = () => state.grant(new Token({ ...facts, deadline: Infinity }, 'newer', undefined));
    const outcome = { kind: 'busy', reason: 'rate_limited', retryAfter: undefined } as const;
    await assert.rejects(
      failures.fail(state, { ...EMPTY_RECORD, identity: 'who' }, 'login', outcome),
      (error: unknown) =>
        error instanceof TokenwardError && error.detail === 'account crm: the login failed (rate_limited)',
    );
  });
});
