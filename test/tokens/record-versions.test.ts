import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { copyRecords } from '../../src/tokens/copy.ts';
import { EMPTY_RECORD, Records } from '../../src/tokens/records.ts';
import { Seal, sealingKey } from '../../src/tokens/seal.ts';
import { RecordError } from '../../src/tokens/store.ts';
import { Token } from '../../src/tokens/token.ts';
import { FakeClock } from '../support/clock.ts';
import { MemoryStore } from '../support/memory-store.ts';

/** A whole record as the version wrote it that knew no versions yet (5f16794). */
const OLD = {
  identity: 'who',
  token: { secret: 'access', obtainedAt: 1_000, refresh: 'refresh', expiresAt: 9_000, refreshExpiresAt: 90_000 },
  intent: { kind: 'refresh', startedAt: 5, attempt: 2 },
  dead: { reason: 'no', since: 6, credentials: 'which' },
  failures: 3,
  retryAt: 7,
};

/** The same from a version to come, which knows more. */
const NEWER = {
  ...OLD,
  v: 1,
  region: { name: 'eu' },
  tags: ['x'],
  lastCaller: null,
  token: { ...OLD.token, scope: 'read write' },
  intent: { ...OLD.intent, host: 'b' },
  dead: { ...OLD.dead, tries: 2 },
};

/** What that earlier version reads of a record's text: its own lines, word for word but for the monotonic deadline. */
function asRead5f16794(text: string): unknown {
  const form = JSON.parse(text) as {
    identity: string;
    token?: { secret: string; refresh?: string; obtainedAt: number; expiresAt?: number; refreshExpiresAt?: number };
    intent?: unknown;
    dead?: unknown;
    failures?: number;
    retryAt?: number;
  };
  const { token } = form;
  return {
    identity: form.identity,
    token: token && {
      obtainedAt: token.obtainedAt,
      expiresAt: token.expiresAt,
      refreshExpiresAt: token.refreshExpiresAt,
      secret: token.secret,
      refresh: token.refresh,
    },
    intent: form.intent,
    dead: form.dead,
    failures: form.failures ?? 0,
    retryAt: form.retryAt,
  };
}

describe('two versions over one store', () => {
  const clock = new FakeClock();
  const seal = new Seal(sealingKey(randomBytes(32).toString('base64')));
  let store: MemoryStore;
  let records: Records;
  beforeEach(() => {
    store = new MemoryStore();
    records = new Records(store, seal, clock);
  });

  const put = async (form: unknown): Promise<void> =>
    void (await store.replace('crm', 0, {
      revision: 1,
      generation: 4,
      sealed: seal.seal(JSON.stringify(form), 'tokenward\ncrm\n4'),
    }));
  const textIn = async (): Promise<string> => {
    const { sealed, generation } = (await store.read('crm'))!;
    return seal.open(sealed, `tokenward\ncrm\n${generation}`);
  };

  it('what the earlier version wrote is read whole', async () => {
    await put(OLD);
    const { identity, token, intent, dead, failures, retryAt, generation } = await records.read('crm', 'who');
    assert.deepEqual(
      [
        identity,
        token?.reveal(),
        token?.revealRefresh(),
        token?.obtainedAt,
        token?.expiresAt,
        token?.refreshExpiresAt,
        generation,
      ],
      ['who', 'access', 'refresh', 1_000, 9_000, 90_000, 4],
    );
    assert.deepEqual(
      { intent, dead, failures, retryAt },
      { intent: OLD.intent, dead: OLD.dead, failures: 3, retryAt: 7 },
    );
  });

  it('the least that the earlier version wrote is read as well', async () => {
    await put({ identity: '' });
    const { identity, token, failures } = await records.read('crm', 'who');
    assert.deepEqual([identity, token, failures], ['', undefined, 0]);
  });

  it('what this version writes is read whole by the earlier one', async () => {
    await put(OLD);
    const record = await records.read('crm', 'who');
    await records.replace('crm', { ...record, intent: { ...record.intent!, id: 'mine' } });
    assert.deepEqual(asRead5f16794(await textIn()), { ...OLD, intent: { ...OLD.intent, id: 'mine' } });
    assert.equal((JSON.parse(await textIn()) as { v: number }).v, 1);
  });

  it('what a newer version knows is kept when this one rewrites the record', async () => {
    await put(NEWER);
    const record = await records.read('crm', 'who');
    const written = await records.replace('crm', { ...record, failures: 4 });
    assert.deepEqual(JSON.parse(await textIn()), { ...NEWER, failures: 4 });
    // And once more, from what the write gave back.
    await records.replace('crm', { ...written!, token: record.token!.withoutRefresh() });
    const { refresh: _, ...token } = NEWER.token;
    assert.deepEqual(JSON.parse(await textIn()), { ...NEWER, failures: 4, token });
  });

  for (const [where, form] of [
    ['of the account', { ...OLD, v: 1, region: 'eu' }],
    ['of its token', { ...OLD, v: 1, token: { ...OLD.token, scope: 'read' } }],
  ] as const)
    it(`what a newer version knows ${where} alone is kept as well`, async () => {
      await put(form);
      await records.replace('crm', { ...(await records.read('crm', 'who')), failures: 4 });
      assert.deepEqual(JSON.parse(await textIn()), { ...form, failures: 4 });
    });

  it('with a new token goes what was known of the old one, and nothing else', async () => {
    await put(NEWER);
    const record = await records.read('crm', 'who');
    const token = new Token(
      { generation: 5, obtainedAt: 20_000, expiresAt: undefined, refreshExpiresAt: undefined, deadline: Infinity },
      'next',
      undefined,
    );
    await records.replace('crm', {
      ...record,
      generation: 5,
      token,
      intent: undefined,
      dead: undefined,
      failures: 0,
      retryAt: undefined,
    });
    assert.deepEqual(JSON.parse(await textIn()), {
      v: 1,
      identity: 'who',
      region: { name: 'eu' },
      tags: ['x'],
      lastCaller: null,
      token: { secret: 'next', obtainedAt: 20_000 },
    });
  });

  it('what a newer version knows goes along to another store, also under another generation', async () => {
    await put(NEWER);
    const target = new MemoryStore();
    const there = new Records(target, seal, clock);
    await there.replace('crm', { ...EMPTY_RECORD, generation: 7, identity: 'who' });
    await copyRecords({ store, records }, { store: target, records: there }, { overwrite: true, dryRun: false });
    const { sealed, generation } = (await target.read('crm'))!;
    assert.equal(generation, 8);
    assert.deepEqual(JSON.parse(seal.open(sealed, 'tokenward\ncrm\n8')), NEWER);
  });

  it('one that an earlier program must not touch says so, and is left as it is', async () => {
    await put({ ...NEWER, v: 2 });
    const before = await textIn();
    await assert.rejects(
      records.read('crm', 'who'),
      (error: Error) =>
        error instanceof RecordError &&
        /account crm .*newer tokenward.*version is 2, this one knows 1/.test(error.message),
    );
    assert.equal(await textIn(), before);
    for (const v of ['1', 1.5, -1, null, {}]) {
      await store.remove('crm');
      await put({ ...OLD, v });
      await assert.rejects(records.read('crm', 'who'), RecordError, JSON.stringify(v));
    }
  });
});
