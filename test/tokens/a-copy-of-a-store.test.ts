import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { copyRecords, type CopyOptions, type CopyReport } from '../../src/tokens/copy.ts';
import { EMPTY_RECORD, Records, type CredentialRecord } from '../../src/tokens/records.ts';
import { Seal, sealingKey } from '../../src/tokens/seal.ts';
import { StoreError } from '../../src/tokens/store.ts';
import { Token, type NamedValues } from '../../src/tokens/token.ts';
import { FakeClock } from '../support/clock.ts';
import { MemoryStore } from '../support/memory-store.ts';

const END = 2_000_000_000_000;

function tokenOf(
  generation: number,
  secret: string,
  refresh: string | undefined = `refresh of ${secret}`,
  values: NamedValues = {},
): Token {
  const facts = { generation, obtainedAt: END - 9_000, expiresAt: END, refreshExpiresAt: END + 9_000, deadline: 9_000 };
  return new Token(facts, secret, refresh, values);
}

/** A store with a key of its own. */
class End {
  readonly store = new MemoryStore();
  readonly records = new Records(this.store, new Seal(sealingKey(randomBytes(32).toString('base64'))), new FakeClock());

  /** Writes a record of this generation, with a token of this secret. */
  async put(account: string, generation: number, change: Partial<CredentialRecord> = {}): Promise<void> {
    const { revision } = await this.records.read(account);
    const record = { ...EMPTY_RECORD, identity: 'who', token: tokenOf(generation, `token ${generation}`), generation };
    assert.ok(await this.records.replace(account, { ...record, ...change, revision }));
  }

  async secretOf(account: string): Promise<string | undefined> {
    return (await this.records.read(account)).token?.reveal();
  }
}

async function copy(from: End, to: End, options: Partial<CopyOptions> = {}): Promise<CopyReport> {
  return copyRecords(from, to, { overwrite: false, dryRun: false, ...options });
}

const outcomes = ({ accounts }: CopyReport): (string | number)[] =>
  accounts.flatMap(({ account, generation, outcome }) => [account, generation, outcome]);

describe('a copy of a store', () => {
  let from: End;
  let to: End;
  beforeEach(() => {
    from = new End();
    to = new End();
  });

  it('has every record, sealed with its own key, and the counted logins', async () => {
    await from.put('a', 3);
    await from.put('b', 1, { token: undefined, intent: { kind: 'login', startedAt: 5, attempt: 1 } });
    from.store.debits.set('logins', [10, 20]);
    const report = await copy(from, to);
    assert.deepEqual(outcomes(report), ['a', 3, 'copied', 'b', 1, 'copied']);
    assert.deepEqual([report.logins, report.refused], [2, false]);
    const { token, revision, generation } = await to.records.read('a');
    assert.deepEqual([token?.reveal(), token?.revealRefresh()], ['token 3', 'refresh of token 3']);
    assert.deepEqual(
      [revision, generation, token?.obtainedAt, token?.expiresAt, token?.refreshExpiresAt],
      [1, 3, END - 9_000, END, END + 9_000],
    );
    const other = await to.records.read('b');
    assert.deepEqual([other.token, other.intent], [undefined, { kind: 'login', startedAt: 5, attempt: 1 }]);
    assert.deepEqual(to.store.debits, new Map([['logins', [10, 20]]]));
  });

  for (const [name, change] of [
    ['a note of the first login', { intent: { kind: 'login', startedAt: 5, attempt: 1 } }],
    ['a count of failures and nothing else', { identity: '', failures: 3 }],
  ] as const) {
    it(`has a record that was written before the first token, with ${name}`, async () => {
      await from.put('a', 0, { token: undefined, ...change });
      assert.deepEqual(outcomes(await copy(from, to)), ['a', 0, 'copied']);
      const { intent, failures } = { intent: undefined, failures: 0, ...change };
      const copied = await to.records.read('a');
      assert.deepEqual([copied.revision, copied.intent, copied.failures], [1, intent, failures]);
    });
  }

  it('is made once: a second run finds everything there and writes nothing', async () => {
    await from.put('a', 3);
    await from.put('b', 1, { token: undefined });
    from.store.debits.set('logins', [10]);
    await copy(from, to);
    to.store.failing.add('replace');
    Object.assign(to.store, { restoreBudget: async () => assert.fail('a count was written') });
    const report = await copy(from, to);
    assert.deepEqual(outcomes(report), ['a', 3, 'already there', 'b', 1, 'already there']);
    assert.deepEqual([report.logins, report.refused], [0, false]);
    assert.deepEqual(to.store.debits, new Map([['logins', [10]]]));
  });

  it('is only announced by a dry run', async () => {
    await from.put('a', 3);
    from.store.debits.set('logins', [10]);
    const report = await copy(from, to, { dryRun: true });
    assert.deepEqual([outcomes(report), report.logins], [['a', 3, 'copied'], 1]);
    assert.deepEqual([to.store.records.size, to.store.debits.size], [0, 0]);
  });

  it('replaces an older record of the target', async () => {
    await from.put('a', 3);
    await to.put('a', 2);
    assert.deepEqual(outcomes(await copy(from, to)), ['a', 3, 'copied']);
    assert.equal(await to.secretOf('a'), 'token 3');
  });

  for (const [name, generation] of [
    ['as new', 3],
    ['newer', 4],
  ] as const) {
    it(`leaves a record of the target alone that is ${name}, and then writes nothing at all`, async () => {
      await from.put('a', 3);
      await from.put('b', 1);
      from.store.debits.set('logins', [10]);
      await to.put('a', generation, { token: tokenOf(generation, 'of the target') });
      const report = await copy(from, to);
      assert.deepEqual(outcomes(report), ['a', generation, 'in the way', 'b', 1, 'copied']);
      assert.equal(report.refused, true);
      assert.equal(await to.secretOf('a'), 'of the target');
      assert.deepEqual([to.store.records.has('b'), to.store.debits.size], [false, 0]);
    });

    it(`takes its place if told so, as the generation after it, where it is ${name}`, async () => {
      const unknown = { record: { later: 1 }, token: { scope: 'all' }, generation: 3 };
      await from.put('a', 3, { unknown });
      await to.put('a', generation, { token: tokenOf(generation, 'of the target') });
      const report = await copy(from, to, { overwrite: true });
      assert.deepEqual([outcomes(report), report.refused], [['a', generation + 1, 'copied'], false]);
      const { token, unknown: kept } = await to.records.read('a');
      assert.deepEqual([token?.generation, token?.reveal()], [generation + 1, 'token 3']);
      assert.deepEqual(kept, { ...unknown, generation: generation + 1 });
      assert.deepEqual(outcomes(await copy(from, to)), ['a', generation + 1, 'already there']);
    });
  }

  for (const [name, change] of [
    ['access token', { token: tokenOf(3, 'other', 'refresh of token 3') }],
    ['refresh token', { token: tokenOf(3, 'token 3', 'other') }],
    ['named value', { token: tokenOf(3, 'token 3', 'refresh of token 3', { tenant: 'eu' }) }],
    ['token at all', { token: undefined }],
    ['identity', { identity: 'they' }],
    ['spend note', { intent: { kind: 'refresh', startedAt: 1, attempt: 1 } }],
    ['mark of a refusal', { dead: { reason: 'refused', since: 1, credentials: 'which' } }],
  ] as const) {
    it(`sees that a record is not the same if it has not the same ${name}`, async () => {
      await from.put('a', 3);
      await to.put('a', 3, change);
      assert.deepEqual(outcomes(await copy(from, to)), ['a', 3, 'in the way']);
    });

    it(`sees that a record is not the same if the source's has not the same ${name}`, async () => {
      await from.put('a', 3, change);
      await to.put('a', 3);
      assert.deepEqual(outcomes(await copy(from, to)), ['a', 3, 'in the way']);
    });
  }

  it('takes the source again for a target that has the same token at an earlier generation', async () => {
    await from.put('a', 3, { token: tokenOf(3, 'token') });
    await to.put('a', 2, { token: tokenOf(2, 'token', 'refresh of token') });
    assert.deepEqual(outcomes(await copy(from, to)), ['a', 3, 'copied']);
  });

  it('adds the counted logins that the target lacks; two in one millisecond are two', async () => {
    from.store.debits.set('logins', [5, 10, 10, 40]);
    from.store.debits.set('others', [30]);
    to.store.debits.set('logins', [10, 20, 40]);
    to.store.debits.set('others', [30]);
    assert.equal((await copy(from, to)).logins, 2);
    assert.deepEqual(to.store.debits.get('logins'), [10, 20, 40, 5, 10]);
    assert.deepEqual(to.store.debits.get('others'), [30]);
  });

  it('has the counts before the tokens, and the target keeps them for a month', async () => {
    await from.put('a', 3);
    from.store.debits.set('logins', [10]);
    const order: string[] = [];
    to.store.beforeReplace = () => void order.push('token');
    Object.assign(to.store, {
      restoreBudget: async (_budget: string, _entries: readonly number[], window: number) =>
        void order.push(`count for ${window / 86_400_000} d`),
    });
    await copy(from, to);
    assert.deepEqual(order, ['count for 31 d', 'token']);
  });

  it('stops where somebody writes to the target', async () => {
    await from.put('a', 3);
    to.store.beforeReplace = async () => {
      to.store.beforeReplace = undefined;
      await to.put('a', 1);
    };
    await assert.rejects(
      copy(from, to),
      (error) => error instanceof StoreError && /of a in the target/.test(error.message),
    );
  });

  for (const [name, meanwhile] of [
    ['writes to the source', () => from.put('b', 2)],
    ['removes a record of the source', () => from.store.remove('b')],
  ] as const) {
    it(`says that the source is in use where somebody ${name}`, async () => {
      await from.put('a', 3);
      await from.put('b', 1);
      to.store.beforeReplace = async () => {
        to.store.beforeReplace = undefined;
        await meanwhile();
      };
      await assert.rejects(
        copy(from, to),
        (error) => error instanceof StoreError && /record of b was/.test(error.message),
      );
    });
  }
});
