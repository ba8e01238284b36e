import assert from 'node:assert/strict';
import { fakeCredential, granted, managed, refused, type FakeCredential } from '../support/credential.ts';
import { settled } from '../support/virtual-time.ts';

type Change = Parameters<typeof fakeCredential>[0];
type Outcome = ReturnType<typeof granted>;

/** A credential whose first call gets its outcome when it is given one. */
function held(change: Change = {}): FakeCredential & { answer(outcome?: Outcome): void } {
  let answer!: (outcome: Outcome) => void;
  const first = new Promise<Outcome>((resolve) => (answer = resolve));
  const credential = fakeCredential(change, () => first);
  return Object.assign(credential, { answer: (outcome = granted()) => answer(outcome) });
}

async function manyTurns(): Promise<void> {
  for (let turn = 0; turn < 30; turn += 1) await settled();
}

describe('a reload during a renewal', () => {
  it('changes nothing about it: it is made once and to its end, and the next one has the new settings', async () => {
    const first = held();
    const { manager } = await managed(first);
    const early = manager.get('crm');
    await manyTurns();
    const next = fakeCredential({ credentialsFingerprint: 'corrected' });
    manager.reconfigure([fakeCredential({ credentialsFingerprint: 'in between' })]);
    manager.reconfigure([next]);
    const late = manager.get('crm');
    await manyTurns();
    assert.deepEqual([first.calls, next.calls], [['login'], []]);
    first.answer();
    const token = await early;
    assert.equal(await late, token);
    await manager.renew('crm', token);
    assert.deepEqual([first.calls, next.calls], [['login'], ['refresh']]);
  });

  it('that fails with the former password is made once more with the new one, for those who waited', async () => {
    const first = held();
    const { manager } = await managed(first);
    const [early, beside] = [manager.get('crm'), manager.get('crm')];
    await manyTurns();
    const next = fakeCredential({ credentialsFingerprint: 'corrected' });
    manager.reconfigure([next]);
    first.answer(refused);
    assert.equal(await early, await beside);
    assert.deepEqual([first.calls, next.calls], [['login'], ['login']]);
  });

  it('that fails is not made once more by a process that ends', async () => {
    const first = held();
    const { manager } = await managed(first);
    const early = manager.get('crm');
    await manyTurns();
    const next = fakeCredential({ credentialsFingerprint: 'corrected' });
    manager.reconfigure([next]);
    const closed = manager.close();
    first.answer(refused);
    await assert.rejects(async () => early, { code: 'credential_dead' });
    await closed;
    assert.deepEqual(next.calls, []);
  });
});

describe('the renewal of an account that became another login during the one before', () => {
  it('waits for that one after a second reload, too', async () => {
    const first = held({ identity: 'first' });
    const { manager } = await managed(first);
    const early = manager.get('crm');
    await manyTurns();
    const second = fakeCredential({ identity: 'second' });
    const third = fakeCredential({ identity: 'third' });
    manager.reconfigure([second]);
    const between = manager.get('crm');
    manager.reconfigure([third]);
    const late = manager.get('crm');
    await manyTurns();
    assert.deepEqual([second.calls, third.calls], [[], []]);
    first.answer();
    for (const token of [early, between, late]) await token;
    assert.deepEqual([first.calls, second.calls, third.calls], [['login'], ['login'], ['login']]);
  });

  it('waits even if nobody uses the login in between', async () => {
    const first = held({ identity: 'first' });
    const { manager } = await managed(first);
    const early = manager.get('crm');
    await manyTurns();
    // Its record is still being read when the next reload comes.
    manager.reconfigure([fakeCredential({ identity: 'second' })]);
    const third = fakeCredential({ identity: 'third' });
    manager.reconfigure([third]);
    await manyTurns();
    const late = manager.get('crm');
    await manyTurns();
    assert.deepEqual(third.calls, []);
    first.answer();
    await Promise.all([early, late]);
    assert.deepEqual(third.calls, ['login']);
  });

  it('waits if the account is removed and comes back', async () => {
    const first = held();
    const { manager } = await managed(first);
    const early = manager.get('crm');
    await manyTurns();
    manager.reconfigure([]);
    assert.throws(() => manager.get('crm'), { code: 'internal' });
    const again = fakeCredential();
    manager.reconfigure([again]);
    const late = manager.get('crm');
    await manyTurns();
    assert.deepEqual(again.calls, []);
    first.answer();
    // The renewal that it waited for has left its token in the store.
    assert.equal((await late).reveal(), (await early).reveal());
    assert.deepEqual(again.calls, []);
  });

  it('waits for one that an operator has asked for, whose files are being read', async () => {
    let read!: (changed: boolean) => void;
    const first = fakeCredential({ identity: 'first', reread: () => new Promise((resolve) => (read = resolve)) });
    const { manager } = await managed(first);
    const operators = manager.renewNow('crm');
    const next = fakeCredential({ identity: 'next' });
    manager.reconfigure([next]);
    const late = manager.get('crm');
    await manyTurns();
    assert.deepEqual(next.calls, []);
    read(false);
    await operators;
    await late;
    assert.deepEqual([first.calls, next.calls], [['login'], ['login']]);
  });

  it('is not begun by a process that ends', async () => {
    const first = held({ identity: 'first' });
    const { manager } = await managed(first);
    const early = manager.get('crm');
    await manyTurns();
    const next = fakeCredential({ identity: 'next' });
    manager.reconfigure([next]);
    const late = manager.get('crm');
    await manyTurns();
    const closed = manager.close();
    first.answer();
    await early;
    await assert.rejects(async () => late, { code: 'shutting_down', retryAfter: 1 });
    await closed;
    assert.deepEqual(next.calls, []);
  });

  it('waits no longer than that, and later ones do not wait at all', async () => {
    const first = held({ identity: 'first' });
    const { manager } = await managed(first);
    const early = manager.get('crm');
    await manyTurns();
    const next = held({ identity: 'next' });
    manager.reconfigure([next]);
    const late = manager.get('crm');
    first.answer();
    await early;
    await manyTurns();
    assert.deepEqual(next.calls, ['login']);
    next.answer();
    const token = await late;
    const last = fakeCredential({ identity: 'last' });
    manager.reconfigure([last]);
    assert.notEqual(await manager.get('crm'), token);
    assert.deepEqual(last.calls, ['login']);
  });
});
