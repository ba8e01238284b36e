import assert from 'node:assert/strict';
import * as deadlines from '../../src/deadlines.ts';

const {
  TOKEN_REQUEST_MS,
  STORE_WRITE_MS,
  LEASE_TTL_MS,
  LEASE_SAFE_MS,
  LEASE_WAIT_MS,
  QUICK_REQUEST_MS,
  FLIGHT_MS,
  RENEW_RESPONSE_MS,
  FINAL_SAVES_MS,
  RENEWAL_STOP_MS,
  WORKER_STOP_MS,
  FINAL_MESSAGES_MS,
  OPERATOR_STOP_MS,
  STOP_MARGIN_MS,
} = deadlines;

describe('deadlines that lean on one another', () => {
  const ORDER: readonly (readonly [string, number, '<' | '<=', string, number])[] = [
    [
      'a call and its record',
      TOKEN_REQUEST_MS + STORE_WRITE_MS,
      '<=',
      'what is left of a lease after one prolongation that failed',
      (LEASE_TTL_MS * 2) / 3,
    ],
    ['the time between two prolongations', LEASE_TTL_MS / 3, '<', 'the time for which a lease is sure', LEASE_SAFE_MS],
    ['the time for which a lease is sure', LEASE_SAFE_MS, '<', 'the lease', LEASE_TTL_MS],
    ['a call and its record', TOKEN_REQUEST_MS + STORE_WRITE_MS, '<=', 'the wait for another process', LEASE_WAIT_MS],
    ['a call with a quick second try', QUICK_REQUEST_MS, '<', 'a call', TOKEN_REQUEST_MS],
    [
      'the wait for another process, a refresh and a login',
      LEASE_WAIT_MS + 2 * (QUICK_REQUEST_MS + TOKEN_REQUEST_MS),
      '<',
      'a flight',
      FLIGHT_MS,
    ],
    ['a flight', FLIGHT_MS, '<', "the wait for a worker's renewal by hand", RENEW_RESPONSE_MS],
    [
      'a call, its record and the last tries to store it',
      TOKEN_REQUEST_MS + STORE_WRITE_MS + FINAL_SAVES_MS + STORE_WRITE_MS,
      '<=',
      'the end of a renewal',
      RENEWAL_STOP_MS,
    ],
    ['the end of a renewal', RENEWAL_STOP_MS, '<', 'the end of a worker', WORKER_STOP_MS],
    [
      'the end of a worker, its last words and the operator port',
      WORKER_STOP_MS + FINAL_MESSAGES_MS + OPERATOR_STOP_MS,
      '<=',
      'the end of all',
      STOP_MARGIN_MS,
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
