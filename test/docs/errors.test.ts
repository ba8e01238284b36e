import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { ERROR_CODES, TokenwardError } from '../../src/errors.ts';

const PAGE = readFileSync('docs/errors.md', 'utf8');
const ROWS = [...PAGE.matchAll(/^\| `(\w+)` \| (\d{3}) \| (.+?) \| (.+?) \|$/gm)].map(([, code, status, when, advice]) => ({ code: code!, status: Number(status), when: when!, advice: advice! }));

describe('docs/errors.md', () => {
  it('lists every error code once, and none that there is not', () => {
    assert.deepEqual(ROWS.map(({ code }) => code).sort(), [...ERROR_CODES].sort());
  });

  for (const code of ERROR_CODES) {
    it(`gives ${code} its status, says when it comes and what can be done`, () => {
      const row = ROWS.find((one) => one.code === code);
      assert.equal(row?.status, new TokenwardError(code).status);
      assert.ok(row.when.length > 10 && row.advice.length > 10);
    });
  }

  it('lists the operator port\'s own codes', () => {
    const own = [...readFileSync('src/operator/routes.ts', 'utf8').matchAll(/\{ code: '(\w+)'/g)].map(([, code]) => code!);
    assert.ok(own.length > 0);
    for (const code of new Set(own)) assert.ok(PAGE.includes(`\`${code}\``), code);
  });

  it('keeps 401 for the caller\'s own missing key', () => {
    assert.deepEqual(ERROR_CODES.filter((code) => new TokenwardError(code).status === 401), ['caller_key_missing']);
  });
});
