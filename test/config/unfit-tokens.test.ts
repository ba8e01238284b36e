import assert from 'node:assert/strict';
import { load, smallest } from '../support/config.ts';

const warnings = (account: string, token: string): string[] => load(smallest({ credentials: `token: ${JSON.stringify(token)}`, account })).warnings.map(({ path, message }) => `${path}: ${message}`);
const HEADER = 'accounts.shop.credentials.token: holds characters that a header cannot carry, so no call can be made with it';
const COOKIE = HEADER.replace('header', 'cookie');

describe('a fixed token that cannot travel as its account wants it to', () => {
  for (const token of ['a\nb', 'a\r\nX: y', 'ключ', ' a', 'a ']) {
    it(`is warned of where it goes into a header: ${JSON.stringify(token)}`, () => {
      assert.deepEqual(warnings('attach: { header: X, value: "{token}" }', token), [HEADER]);
      assert.deepEqual(warnings('attach: { query: key }', token), []);
    });
  }

  for (const token of ['a;b', 'a,b', 'a b', 'a"b', 'a\\b']) {
    it(`is warned of where it goes into a cookie: ${JSON.stringify(token)}`, () => {
      assert.deepEqual(warnings('attach: { cookie: sid }', token), [COOKIE]);
      assert.deepEqual(warnings('attach: { header: X }', token), []);
    });
  }

  it('is no trouble otherwise', () => {
    for (const attach of ['{ header: X }', '{ query: key }', '{ cookie: sid }']) assert.deepEqual(warnings(`attach: ${attach}`, 'abc+/=:%41|x'), []);
  });
});
