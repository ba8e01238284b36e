import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { copyRecords } from '../../src/tokens/copy.ts';
import { nextToken } from '../../src/tokens/lifetime.ts';
import { EMPTY_RECORD, Records } from '../../src/tokens/records.ts';
import { Seal, sealingKey } from '../../src/tokens/seal.ts';
import type { Grant, NamedValues } from '../../src/tokens/token.ts';
import { FakeClock } from '../support/clock.ts';
import { MemoryStore } from '../support/memory-store.ts';

const clock = new FakeClock();
const seal = new Seal(sealingKey(randomBytes(32).toString('hex')));

function grant(values: NamedValues): Grant {
  return { secret: 'access', refreshSecret: 'refresh', lifetime: 60, refreshLifetime: undefined, values };
}

async function stored(values: NamedValues, store = new MemoryStore()) {
  const records = new Records(store, seal, clock);
  const token = nextToken(1, grant(values), undefined, clock);
  await records.replace('a', { ...EMPTY_RECORD, generation: 1, identity: 'who', token });
  return { store, records };
}

describe('named values of a grant', () => {
  it('are stored with the token, sealed, and read back', async () => {
    const { store, records } = await stored({ host: 'https://na1.example', jar: 'SID=Quokka-42-thimble' });
    const { token } = await records.read('a');
    assert.deepEqual(token?.revealValues(), { host: 'https://na1.example', jar: 'SID=Quokka-42-thimble' });
    assert.ok(!JSON.stringify(await store.read('a')).includes('Quokka'));
  });

  it('stay if a refresh does not bring them again, and change if it does', () => {
    const first = nextToken(1, grant({ host: 'a', tenant: 't' }), undefined, clock);
    const second = nextToken(2, grant({ host: 'b' }), first, clock);
    assert.deepEqual(second.revealValues(), { host: 'b', tenant: 't' });
    assert.deepEqual(second.withoutRefresh().revealValues(), { host: 'b', tenant: 't' });
  });

  it('cannot be printed', () => {
    const token = nextToken(1, grant({ jar: 'SID=Quokka-42-thimble' }), undefined, clock);
    for (const text of [JSON.stringify(token), inspect(token, { showHidden: true, depth: 9 }), String(token)])
      assert.ok(!text.includes('Quokka'), text);
  });

  it('go along when a store is copied', async () => {
    const from = await stored({ host: 'a' });
    const store = new MemoryStore();
    const to = { store, records: new Records(store, seal, clock) };
    await copyRecords(from, to, { overwrite: false, dryRun: false });
    assert.deepEqual((await to.records.read('a')).token?.revealValues(), { host: 'a' });
  });

  it('that are no texts make a damaged record', async () => {
    const { store, records } = await stored({ host: 'a' });
    const { revision, generation } = (await store.read('a'))!;
    const text = JSON.stringify({ identity: 'who', token: { secret: 's', obtainedAt: 1, values: { host: 7 } } });
    const sealed = seal.seal(text, `tokenward\na\n${generation}`);
    await store.replace('a', revision, { revision: revision + 1, generation, sealed });
    await assert.rejects(records.read('a'), /account a .* is damaged: a value beside its token is not text/);
  });
});
