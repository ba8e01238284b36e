import assert from 'node:assert/strict';
import * as deadlines from '../../src/deadlines.ts';

const {
  TOKEN_CALL_MS,
  STORE_WRITE_MS,
  LEASE_TTL_MS,
  LEASE_SURE_MS,
  LEASE_WAIT_MS,
  QUICK_CALL_MS,
  FLIGHT_MS,
  RENEW_ANSWER_MS,
  LAST_SAVES_MS,
  RENEWAL_ENDS_MS,
  WORKER_ENDS_MS,
  LAST_WORDS_MS,
  OPERATOR_ENDS_MS,
  STOP_ENDS_MS,
} = deadlines;

describe('deadlines that lean on one another', () => {
  const ORDER: readonly (readonly [string, number, '<' | '<=', string, number])[] = [
    [
      'a call and its record',
      TOKEN_CALL_MS + STORE_WRITE_MS,
      '<=',
      'what is left of a lease after one prolongation that failed',
      (LEASE_TTL_MS * 2) / 3,
    ],
    ['the time between two prolongations', LEASE_TTL_MS / 3, '<', 'the time for which a lease is sure', LEASE_SURE_MS],
    ['the time for which a lease is sure', LEASE_SURE_MS, '<', 'the lease', LEASE_TTL_MS],
    ['a call and its record', TOKEN_CALL_MS + STORE_WRITE_MS, '<=', 'the wait for another process', LEASE_WAIT_MS],
    ['a call with a quick second try', QUICK_CALL_MS, '<', 'a call', TOKEN_CALL_MS],
    [
      'the wait for another process, a refresh and a login',
      LEASE_WAIT_MS + 2 * (QUICK_CALL_MS + TOKEN_CALL_MS),
      '<',
      'a flight',
      FLIGHT_MS,
    ],
    ['a flight', FLIGHT_MS, '<', "the wait for a worker's renewal by hand", RENEW_ANSWER_MS],
    [
      'a call, its record and the last tries to store it',
      TOKEN_CALL_MS + STORE_WRITE_MS + LAST_SAVES_MS + STORE_WRITE_MS,
      '<=',
      'the end of a renewal',
      RENEWAL_ENDS_MS,
    ],
    ['the end of a renewal', RENEWAL_ENDS_MS, '<', 'the end of a worker', WORKER_ENDS_MS],
    [
      'the end of a worker, its last words and the operator port',
      WORKER_ENDS_MS + LAST_WORDS_MS + OPERATOR_ENDS_MS,
      '<=',
      'the end of all',
      STOP_ENDS_MS,
    ],
  ];

  for (const [what, shorter, sign, than, longer] of ORDER) {
    it(`${what} ${sign === '<' ? 'takes less than' : 'fits into'} ${than}`, () =>
      assert.ok(sign === '<' ? shorter < longer : shorter <= longer, `${shorter} ms, ${longer} ms`));
  }

  it('say their unit', () =>
    assert.deepEqual(
      Object.keys(deadlines).filter((name) => !name.endsWith('_MS')),
      [],
    ));
});
