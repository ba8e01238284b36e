import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { statusOf } from '../support/operator.ts';
import { freshWorld } from '../support/world.ts';

const PAGE = readFileSync('docs/operating.md', 'utf8');
const WORDS = new Set([...PAGE.matchAll(/`(\w+)`/g)].map(([, word]) => word!));

describe('docs/operating.md', () => {
  const world = freshWorld();

  it('explains every field that a log line may have', () => {
    const [, list] = /const ALLOWED[^=]*= \[([^\]]*)\]/.exec(readFileSync('src/log.ts', 'utf8'))!;
    const fields = [...list!.matchAll(/'(\w+)'/g)].map(([, field]) => field!);
    assert.ok(fields.length > 20);
    assert.deepEqual(
      ['time', 'level', 'msg', ...fields].filter((field) => !WORDS.has(field)),
      [],
    );
  });

  it('names every key of /status', async () => {
    await world().call('/crm/v1/licenses');
    await world().call('/nowhere');
    const document = await statusOf(world().proxy);
    const crm = document.accounts.find(({ account }) => account === 'crm')!;
    const keys = [
      document,
      crm,
      crm.budget!,
      document.routes[0]!,
      document.store,
      document.accountCount,
      document.refused[0]!,
    ].flatMap((part) => Object.keys(part));
    assert.deepEqual(
      keys.filter((key) => !WORDS.has(key)),
      [],
    );
  });
});
