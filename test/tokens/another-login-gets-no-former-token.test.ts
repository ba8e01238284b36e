import assert from 'node:assert/strict';
import { sourceOf } from '../../src/tokens/account-cache.ts';
import { ConfiguredTokens } from '../../src/tokens/configured-tokens.ts';
import type { Token } from '../../src/tokens/token.ts';
import { fakeCredential, granted, managed, type FakeCredential } from '../support/credential.ts';

/** A manager, the tokens of its first configuration, and what a reload does. */
async function reloadable(first: FakeCredential) {
  const { manager, clock } = await managed(first);
  let tokens = new ConfiguredTokens(manager, sourceOf([first]), clock);
  const reload = (...credentials: FakeCredential[]): ConfiguredTokens => {
    const next = new ConfiguredTokens(manager, sourceOf(credentials), clock);
    tokens.replacedBy(next, manager.reconfigure(credentials));
    tokens = next;
    return next;
  };
  return { manager, tokens, reload };
}

const revealed = async (token: Token | Promise<Token>): Promise<string> => (await token).reveal();

describe('a request that began before a reload made its account another login', () => {
  const old = (): FakeCredential => fakeCredential({ identity: 'old' }, granted({ secret: 'token of the old' }));
  const other = (): FakeCredential => fakeCredential({ identity: 'other' }, granted({ secret: 'token of the other' }));

  it('gets the former token; requests since get the new one', async () => {
    const { tokens, reload } = await reloadable(old());
    await tokens.get('crm');
    const since = reload(other());
    assert.equal(await revealed(since.get('crm')), 'token of the other');
    assert.equal(await revealed(tokens.get('crm')), 'token of the old');
    assert.equal(await revealed(tokens.getLasting('crm')), 'token of the old');
  });

  it('gets no renewal if that is rejected, and nothing is noted of the new login', async () => {
    const { manager, tokens, reload } = await reloadable(old());
    const token = await tokens.get('crm');
    const next = other();
    await reload(next).get('crm');
    assert.equal(tokens.canRenew('crm'), false);
    tokens.rejected('crm', token);
    tokens.unsendable('crm', token, 'no matter why');
    assert.throws(() => tokens.renew('crm', token), { code: 'token_unavailable' });
    assert.equal(manager.statusOf('crm')?.state, 'working');
    assert.deepEqual(next.calls, ['login']);
  });

  it('marks nothing of the new login, not even if both are fixed tokens', async () => {
    const { manager, tokens, reload } = await reloadable(fakeCredential({ staticToken: 'first' }));
    const former = await tokens.get('crm');
    const since = reload(fakeCredential({ staticToken: 'second' }));
    const state = (): string | undefined => manager.statusOf('crm')?.state;
    tokens.rejected('crm', former);
    tokens.unsendable('crm', former, 'no matter why');
    assert.equal(state(), 'working');
    since.rejected('crm', await since.get('crm'));
    assert.equal(state(), 'down');
    tokens.accepted('crm', former);
    assert.equal(state(), 'down');
    since.accepted('crm', await since.get('crm'));
    assert.equal(state(), 'working');
    since.unsendable('crm', await since.get('crm'), 'no matter why');
    assert.equal(state(), 'down');
  });

  it('has the newest token there will ever be for it', async () => {
    const { tokens, reload } = await reloadable(old());
    const former = await tokens.get('crm');
    assert.equal(tokens.isCurrent('crm', former), true);
    const newer = await tokens.renew('crm', former);
    assert.equal(tokens.isCurrent('crm', former), false);
    const next = reload(other());
    await next.renew('crm', await next.get('crm'));
    assert.equal(tokens.isCurrent('crm', former), true);
    assert.equal(tokens.isCurrent('crm', newer), true);
  });

  it('gets none of a login in between, though its own was never used', async () => {
    const { tokens, reload } = await reloadable(old());
    await reload(other()).get('crm');
    reload();
    assert.throws(() => tokens.get('crm'), { code: 'token_unavailable' });
  });

  it('is told to come again if there is no former token', async () => {
    const { tokens, reload } = await reloadable(old());
    reload(other());
    assert.throws(() => tokens.get('crm'), { code: 'token_unavailable', retryAfter: 1 });
  });

  it('the same after two reloads, and after the account was removed', async () => {
    const { tokens, reload } = await reloadable(old());
    await tokens.get('crm');
    const second = reload(other());
    assert.equal(await revealed(second.get('crm')), 'token of the other');
    const third = reload();
    assert.equal(await revealed(tokens.get('crm')), 'token of the old');
    assert.equal(await revealed(second.get('crm')), 'token of the other');
    assert.throws(() => third.get('crm'), /no account named crm/);
  });

  it('goes on with the same account if only its password has changed', async () => {
    const { tokens, reload } = await reloadable(old());
    const token = await tokens.get('crm');
    const next = fakeCredential({ identity: 'old', credentialsFingerprint: 'another password' });
    const since = reload(next);
    assert.equal(await revealed(since.get('crm')), 'token of the old');
    assert.notEqual(await revealed(tokens.renew('crm', token)), 'token of the old');
    assert.equal(next.calls.length, 1);
  });

  it('a fixed token that was changed is another login', async () => {
    const { tokens, reload } = await reloadable(fakeCredential({ staticToken: 'first' }));
    assert.equal(await revealed(tokens.get('crm')), 'first');
    const since = reload(fakeCredential({ staticToken: 'second' }));
    assert.equal(await revealed(since.get('crm')), 'second');
    assert.equal(await revealed(tokens.get('crm')), 'first');
  });

  it('a renewal of the other login waits for one that is under way', async () => {
    let finish!: () => void;
    const held = new Promise<void>((resolve) => (finish = resolve));
    const first = fakeCredential({ identity: 'old' }, async () => {
      await held;
      return granted({ secret: 'token of the old' });
    });
    const { tokens, reload } = await reloadable(first);
    const early = tokens.get('crm');
    while (first.calls.length === 0) await new Promise(setImmediate);
    const next = other();
    const late = reload(next).get('crm');
    for (let turn = 0; turn < 50; turn += 1) await new Promise(setImmediate);
    assert.deepEqual(next.calls, []);
    finish();
    assert.equal(await revealed(early), 'token of the old');
    assert.equal(await revealed(late), 'token of the other');
    assert.deepEqual([first.calls, next.calls], [['login'], ['login']]);
  });
});
