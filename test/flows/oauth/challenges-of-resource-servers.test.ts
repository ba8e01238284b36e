import assert from 'node:assert/strict';
import { challengeOf } from '../../../src/flows/oauth/www-authenticate.ts';

describe('what WWW-Authenticate says about a token', () => {
  for (const [field, expected] of [
    ['Bearer realm="example", error="invalid_token", error_description="The access token expired"', 'invalid_token'],
    ['bearer error=invalid_token', 'invalid_token'],
    ['Bearer realm="x" error="invalid_token"', 'invalid_token'],
    ['Bearer error = "invalid_token" , realm="x"', 'invalid_token'],
    ['Bearer ERROR="invalid_token"', 'invalid_token'],
    ['Bearer error="invalid\\_token"', 'invalid_token'],
    ['Bearer error="insufficient_scope", scope="a b"', 'insufficient_scope'],
    ['Bearer error="insufficient_user_authentication", acr_values="x"', 'insufficient_user_authentication'],
    ['DPoP error="use_dpop_nonce", error_description="nonce"', 'use_dpop_nonce'],
    ['DPoP error="invalid_dpop_proof"', 'invalid_dpop_proof'],
    ['DPoP algs="ES256", error="invalid_token"', 'invalid_token'],
    ['Bearer, DPoP error="use_dpop_nonce", algs="ES256"', 'use_dpop_nonce'],
    ['Bearer error="invalid_token", DPoP error="use_dpop_nonce"', 'use_dpop_nonce'],
    ['Basic realm="error=invalid_token", Bearer error="insufficient_scope"', 'insufficient_scope'],
    ['Negotiate YIIC+/8=, Bearer error="invalid_token"', 'invalid_token'],
    // Not about tokens, or nothing that is known.
    ['Basic error="invalid_token"', 'none'],
    ['Bearer realm="error=\\"invalid_token\\""', 'none'],
    ['Bearer error_description="invalid_token"', 'none'],
    ['Bearer error="invalid_request"', 'none'],
    ['Bearer error="invalid_token', 'invalid_token'],
    ['Bearer', 'none'],
    ['Bearer realm="x"', 'none'],
    ['', 'none'],
    [',,, ;', 'none'],
  ] as const) {
    it(`${field || 'nothing'}: ${expected}`, () => assert.equal(challengeOf(401, field), expected));
  }

  it('several fields are read as one', () =>
    assert.equal(challengeOf(401, ['Basic realm="x"', 'Bearer error="invalid_token"']), 'invalid_token'));

  it('no field says nothing', () => assert.equal(challengeOf(401, undefined), 'none'));

  it('a 403 may say it, too', () =>
    assert.equal(challengeOf(403, 'Bearer error="insufficient_scope"'), 'insufficient_scope'));

  it('other statuses do not', () => {
    for (const status of [200, 400, 404, 500])
      assert.equal(challengeOf(status, 'Bearer error="invalid_token"'), 'none');
  });

  for (const [what, field] of [
    ['parameters', `Bearer ${'a=b,'.repeat(250_000)}`],
    ['open quotes', `Bearer a="${'\\"'.repeat(500_000)}`],
    ['quotes', `Bearer ${'"'.repeat(1_000_000)}`],
    ['blanks', `Bearer ${' '.repeat(1_000_000)}`],
    ['names and blanks', `Bearer ${'a '.repeat(500_000)}`],
  ] as const) {
    it(`a mebibyte of ${what} takes no time`, () => {
      const before = performance.now();
      assert.equal(challengeOf(401, field), 'none');
      assert.ok(performance.now() - before < 1_000);
    });
  }
});
