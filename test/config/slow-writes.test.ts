import assert from 'node:assert/strict';
import { load, smallest } from '../support/config.ts';

const redis = (commandTimeout: string): string =>
  `${smallest({})}\nstore: { type: redis, url: "redis://redis.internal", key: "\${KEY}", commandTimeout: ${commandTimeout} }\n`;

describe('a store whose commands may take long', () => {
  const about = (text: string): string[] =>
    load(text, { KEY: '0'.repeat(64) })
      .warnings.filter(({ path }) => path === 'store.commandTimeout')
      .map(({ message }) => message);

  it('is warned of when a stop would not wait for it', () =>
    assert.match(about(redis('3s'))[0] ?? '', /^is more than 2 s/));
  it('is not up to that', () => assert.deepEqual([...about(redis('2s')), ...about(redis('500ms'))], []));
});
