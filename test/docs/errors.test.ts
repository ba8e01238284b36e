import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { ERROR_CODES, problemDocument, TokenwardError, type ErrorCode } from '../../src/errors.ts';

const PAGE = readFileSync('docs/errors.md', 'utf8');
const ROWS = [...PAGE.matchAll(/^\| `(\w+)` \| (\d{3}) \| (.+?) \| (.+?) \|$/gm)].map(
  ([, code, status, when, advice]) => ({ code: code!, status: Number(status), when: when!, advice: advice! }),
);

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

  it("lists the operator port's own codes", () => {
    const files = readdirSync('src/operator').filter((file) => file.endsWith('.ts'));
    const sources = files.map((file) => readFileSync(`src/operator/${file}`, 'utf8')).join('\n');
    const own = [...sources.matchAll(/\bcode: '(\w+)'/g)].map(([, code]) => code!);
    assert.ok(own.length > 5);
    for (const code of new Set(own)) assert.ok(PAGE.includes(`\`${code}\``), code);
  });

  for (const [code, needed] of Object.entries({
    login_path_refused: 'legacyLogin: answer',
    request_target_refused: 'encodedPaths: pass',
    body_too_large: 'maxBody',
    headers_too_large: 'limits.headerBytes',
    too_many_requests: 'limits.inFlight',
    too_many_waiting: 'limits.waitingPerAccount',
    policy_refused: 'policy',
    account_not_allowed: 'accountFrom.allow',
    login_budget_exhausted: 'tokenward renew ACCOUNT --use-reserve',
    credential_dead: 'tokenward renew ACCOUNT',
  }) as [ErrorCode, string][]) {
    it(`${code} names what would allow it, to the caller and on the page: ${needed}`, () => {
      assert.ok(adviceOf(code).includes(needed), adviceOf(code));
      const row = ROWS.find((one) => one.code === code)!;
      assert.ok(`${row.when} ${row.advice}`.includes(needed), `${row.when} ${row.advice}`);
    });
  }

  it('names settings and values that there are', () => {
    const manual = readFileSync('proxy.config.yaml', 'utf8');
    for (const code of ERROR_CODES) {
      for (const [name, value] of adviceOf(code).matchAll(/\b[a-z]+[A-Z]\w+(?:: (\w+))?/g)) {
        const key = name.split(':')[0]!.split('.').at(-1)!;
        assert.match(manual, new RegExp(`\\b${key}:`), `${code}: ${key}`);
        if (value !== undefined) assert.match(manual, new RegExp(`\\b${value}\\b`), `${code}: ${value}`);
      }
    }
  });

  it("keeps 401 for the caller's own missing key", () => {
    assert.deepEqual(
      ERROR_CODES.filter((code) => new TokenwardError(code).status === 401),
      ['caller_key_missing'],
    );
  });
});

/** What the caller reads. */
function adviceOf(code: ErrorCode): string {
  return (JSON.parse(problemDocument(new TokenwardError(code))) as { advice: string }).advice;
}
