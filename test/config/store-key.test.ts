import assert from 'node:assert/strict';
import { sealingKey } from '../../src/tokens/seal.ts';
import { load, said, smallest } from '../support/config.ts';

const BYTES = Buffer.from(Array.from({ length: 32 }, (_, index) => 255 - index * 7));
const written = (key: string): string => smallest({ top: `store: { type: embedded, key: ${JSON.stringify(key)} }` });

describe('a store key in a configuration', () => {
  for (const [how, key] of [
    ['hex', BYTES.toString('hex')],
    ['hex in capitals', BYTES.toString('hex').toUpperCase()],
    ['base64', BYTES.toString('base64')],
    ['base64 without its end', BYTES.toString('base64').replace('=', '')],
    ['base64url', BYTES.toString('base64url')],
    ['base64 with a line end', `${BYTES.toString('base64')}\n`],
  ] as const) {
    it(`may be 32 bytes as ${how}, and is read as those`, () => {
      const { store } = load(written(key));
      assert.ok(sealingKey(store.type === 'embedded' ? store.key! : '').bytes.equals(BYTES));
    });
  }

  for (const [what, key] of [
    ['too short in hex', BYTES.toString('hex').slice(1)],
    ['too long in hex', `${BYTES.toString('hex')}0`],
    ['31 bytes', BYTES.subarray(1).toString('base64')],
    ['33 bytes', Buffer.concat([BYTES, BYTES.subarray(0, 1)]).toString('base64')],
    ['a password', 'correct horse battery staple'],
    ['empty', ''],
  ] as const) {
    it(`may be nothing else: ${what}`, () => {
      assert.deepEqual(said(written(key)), [
        'store.key: must be 32 random bytes, as 64 hex digits or base64; make one with: openssl rand -base64 32',
      ]);
    });
  }
});
