import assert from 'node:assert/strict';
import { FAILURE_REASONS, OUTCOME_KINDS } from '../../src/tokens/credential.ts';
import { STORE_OPERATIONS, SUPPRESSIONS } from '../../src/tokens/observer.ts';

// An alert compares labels with these words, and one that is renamed makes it silent.
describe('the words of metrics', () => {
  it('for how a call to a token endpoint failed', () => {
    assert.equal(
      FAILURE_REASONS.join(' '),
      'connect dns tls timeout reset too_large malformed redirect rate_limited status_4xx status_5xx fault',
    );
  });

  it('for what a renewal came to', () => {
    assert.equal(OUTCOME_KINDS.join(' '), 'granted refused busy impossible failed');
  });

  it('for why a renewal came to no call', () => {
    assert.equal(SUPPRESSIONS.join(' '), 'dead cooldown budget lost_login');
  });

  it('for what the store was asked when it failed', () => {
    assert.equal(STORE_OPERATIONS.join(' '), 'read write lease debit watch');
  });
});
