import assert from 'node:assert/strict';
import { makeOne } from './making.ts';

describe('made times and random values', () => {
  for (const [form, expected] of [
    ['unix', '1893456000'],
    ['ms', '1893456000789'],
    ['iso', '2030-01-01T00:00:00.789Z'],
    ['http', 'Tue, 01 Jan 2030 00:00:00 GMT'],
  ])
    it(`time: ${form!} is now`, async () => assert.equal(await makeOne({ time: form }), expected));

  it('a UUID is of version 4, and new each time', async () => {
    const [one, other] = [await makeOne({ uuid: 'v4' }), await makeOne({ uuid: 'v4' })];
    assert.match(one, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.notEqual(one, other);
  });

  it('random: 20 is 20 bytes as hex, new each time', async () => {
    const [one, other] = [await makeOne({ random: 20 }), await makeOne({ random: 20 })];
    assert.match(one, /^[0-9a-f]{40}$/);
    assert.notEqual(one, other);
  });
});
