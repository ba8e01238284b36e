import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { Records, type CredentialRecord } from '../../src/tokens/records.ts';
import { Seal, sealingKey } from '../../src/tokens/seal.ts';
import { StoreError } from '../../src/tokens/store.ts';
import { Token } from '../../src/tokens/token.ts';
import { FakeClock } from '../support/clock.ts';
import { MemoryStore } from '../support/memory-store.ts';

const key = (): string => randomBytes(32).toString('base64');

describe('a sealed record', () => {
  const current = key();
  const seal = new Seal(sealingKey(current));

  it('opens again, whatever is in it, and looks different each time', () => {
    for (const text of ['', '{}', 'токен $&', 'x'.repeat(100_000)])
      assert.equal(seal.open(seal.seal(text, 'a'), 'a'), text);
    assert.ok(!seal.seal('same', 'a').equals(seal.seal('same', 'a')));
    assert.ok(!seal.seal('find me', 'a').includes('find me'));
  });

  it('does not open with another key, and says which keys are meant, without showing one', () => {
    const other = key();
    const sealed = seal.seal('secret', 'a');
    assert.throws(
      () => new Seal(sealingKey(other)).open(sealed, 'a'),
      (error: unknown) =>
        error instanceof StoreError &&
        error.message.includes(sealingKey(current).id.toString('hex')) &&
        error.message.includes(sealingKey(other).id.toString('hex')) &&
        !error.message.includes(other) &&
        !error.message.includes(current),
    );
  });

  it('opens with a retired key; what is written anew is sealed with the current one', () => {
    const rotated = new Seal(sealingKey(key()), [sealingKey(current)]);
    const old = seal.seal('secret', 'a');
    assert.equal(rotated.open(old, 'a'), 'secret');
    assert.equal(rotated.isCurrent(old), false);
    assert.equal(rotated.isCurrent(rotated.seal('secret', 'a')), true);
    assert.throws(() => seal.open(rotated.seal('secret', 'a'), 'a'), StoreError);
  });

  it('names its key if that is none of the configured ones, and where to put it', () => {
    const [other, retired] = [sealingKey(key()), sealingKey(key())];
    const ids = [other, retired].map(({ id }) => id.toString('hex'));
    const rotated = new Seal(other, [retired]);
    const message = rotated.otherKey(seal.seal('', 'a'))!;
    assert.ok(message.includes(`(id ${sealingKey(current).id.toString('hex')})`), message);
    assert.ok(message.includes(`configured: ${ids.join(', ')}.`), message);
    assert.match(message, /store\.key or store\.retiredKeys$/);
    assert.equal(rotated.otherKey(rotated.seal('secret', 'a')), undefined);
    assert.equal(rotated.otherKey(new Seal(retired).seal('secret', 'a')), undefined);
  });

  it('names no key if it is cut short, or of another format', () => {
    const sealed = new Seal(sealingKey(key())).seal('', 'a');
    assert.equal(seal.otherKey(sealed.subarray(0, -1)), undefined);
    assert.equal(seal.otherKey(Buffer.concat([Buffer.from([2]), sealed.subarray(1)])), undefined);
  });

  it('does not open in the place of another account or generation', () => {
    assert.throws(
      () => seal.open(seal.seal('secret', 'tokenward\ncrm\n1'), 'tokenward\nshop\n1'),
      /damaged or belongs to another account/,
    );
    assert.throws(() => seal.open(seal.seal('secret', 'tokenward\ncrm\n1'), 'tokenward\ncrm\n2'), /damaged/);
  });

  it('does not open when a single bit of it has changed, or a part is missing', () => {
    const sealed = seal.seal('{"token":"secret"}', 'a');
    for (let at = 0; at < sealed.length; at += 1) {
      const bent = Buffer.from(sealed);
      bent[at] = bent[at]! ^ 1;
      assert.throws(() => seal.open(bent, 'a'), StoreError, `byte ${at}`);
      assert.throws(() => seal.open(sealed.subarray(0, at), 'a'), StoreError, `cut at ${at}`);
    }
  });

  it('keys: hex and base64 are read, anything else is refused without being repeated', () => {
    const bytes = randomBytes(32);
    for (const text of [
      bytes.toString('hex'),
      bytes.toString('hex').toUpperCase(),
      ` ${bytes.toString('hex')}\n`,
      bytes.toString('base64'),
      bytes.toString('base64url'),
      ` ${bytes.toString('base64')}\n`,
    ])
      assert.ok(sealingKey(text).bytes.equals(bytes));
    for (const text of [
      '',
      'short',
      randomBytes(31).toString('base64'),
      randomBytes(33).toString('hex'),
      `${bytes.toString('hex')}0`,
      `${bytes.toString('hex')}zz`,
      'pass phrase with spaces, quite long, but no key at all',
    ]) {
      assert.throws(
        () => sealingKey(text),
        (error: unknown) => error instanceof StoreError && (text === '' || !error.message.includes(text)),
      );
    }
  });
});

describe('a credential record', () => {
  const clock = new FakeClock();
  let store: MemoryStore;
  let seal: Seal;
  let records: Records;
  const record = (
    generation: number,
    secret = 'the-access-token',
    refresh: string | undefined = 'the-refresh-token',
  ): CredentialRecord => ({
    revision: 0,
    generation,
    identity: 'who',
    token: new Token(
      {
        generation,
        obtainedAt: clock.wall(),
        expiresAt: clock.wall() + 60_000,
        refreshExpiresAt: clock.wall() + 90_000,
        deadline: clock.monotonic() + 60_000,
      },
      secret,
      refresh,
    ),
    intent: { kind: 'refresh', startedAt: 5, attempt: 2 },
    dead: { reason: 'no', since: 6, credentials: 'which' },
    refreshFailures: 0,
    gaveUpAt: undefined,
    loggedInAt: undefined,
    doubt: undefined,
    failures: 3,
    retryAt: 7,
  });
  beforeEach(() => {
    store = new MemoryStore();
    seal = new Seal(sealingKey(key()));
    records = new Records(store, seal, clock);
  });

  it('comes back as it was, its deadline measured from now', async () => {
    await records.replace('crm', record(4));
    clock.pass(10_000);
    const read = await records.read('crm');
    assert.deepEqual({ ...read, token: undefined }, { ...record(4), revision: 1, key: 'crm', token: undefined });
    assert.equal(read.token?.reveal(), 'the-access-token');
    assert.equal(read.token?.revealRefresh(), 'the-refresh-token');
    assert.equal(read.token?.generation, 4);
    assert.equal(read.token?.deadline, clock.monotonic() + 50_000);
  });

  it('of a token without an end comes back without one', async () => {
    const { token, ...rest } = record(4);
    const facts = { generation: 4, obtainedAt: token!.obtainedAt, expiresAt: undefined, refreshExpiresAt: undefined };
    await records.replace('crm', { ...rest, token: new Token({ ...facts, deadline: Infinity }, 'endless', undefined) });
    assert.equal((await records.read('crm')).token?.deadline, Infinity);
  });

  it('lives no longer than the token has from the start when the clock is set back', async () => {
    await records.replace('crm', record(4));
    const whole = new FakeClock();
    whole.jump(-10 * 86_400_000);
    const read = await new Records(store, seal, whole).read('crm');
    assert.equal(read.token?.deadline, whole.monotonic() + 60_000);
  });

  it('holds nothing in the clear but its two numbers', async () => {
    await records.replace('crm', record(4));
    const { sealed } = (await store.read('crm'))!;
    for (const text of ['the-access-token', 'the-refresh-token', 'who', 'which', 'identity'])
      assert.ok(!sealed.includes(text), text);
  });

  it('moved to another account, or put back under another generation, is refused and stays where it is', async () => {
    await records.replace('crm', record(4));
    const stolen = (await store.read('crm'))!;
    await store.replace('shop', 0, { ...stolen, revision: 1 });
    await assert.rejects(records.read('shop'), StoreError);
    await store.replace('later', 0, { ...stolen, revision: 1, generation: 9 });
    await assert.rejects(records.read('later'), StoreError);
    assert.ok((await store.read('shop'))!.sealed.equals(stolen.sealed));
  });

  it('one that does not open is never taken for none', async () => {
    await store.replace('crm', 0, { revision: 1, generation: 1, sealed: Buffer.from('rubbish') });
    await assert.rejects(
      records.read('crm'),
      /^RecordError: The record of account crm \(crm in the store\) is damaged: it is too short\. It was left unchanged\.$/,
    );
    assert.equal((await records.read('shop')).revision, 0);
  });
});
