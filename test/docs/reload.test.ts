import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { NEEDS_RESTART, RELOADABLE_OF_LISTENER } from '../../src/config/reloadable.ts';
import { configSchema } from '../../src/config/schema.ts';

const [, SECTION = ''] = /\n## Reload\n([^]*?)(?=\n## |$)/.exec(readFileSync('docs/configuration.md', 'utf8')) ?? [];
/** Keys of the table, and what a change of them needs. */
const ROWS = [...SECTION.matchAll(/^\| (`.*?) \| (yes|restart)\b/gm)].flatMap(([, keys, needs]) =>
  [...keys!.matchAll(/`([\w.]+)`/g)].map(([, key]) => ({ key: key!, needs: needs! })),
);
const keysThat = (needs: string): string[] => ROWS.filter((row) => row.needs === needs).map(({ key }) => key);

describe('the table of what a reload takes over', () => {
  it('names as needing a restart what the code refuses', () => {
    assert.deepEqual(keysThat('restart').sort(), [...NEEDS_RESTART].sort());
  });

  it('names the keys of a listener that can change', () => {
    assert.deepEqual(
      keysThat('yes')
        .filter((key) => key.startsWith('listen.'))
        .sort(),
      RELOADABLE_OF_LISTENER.map((key) => `listen.${key}`).sort(),
    );
  });

  it('has every key of the configuration', () => {
    const listed = new Set(ROWS.map(({ key }) => key));
    assert.deepEqual(
      Object.keys(configSchema.shape).filter((key) => !listed.has(key)),
      [],
    );
  });
});
