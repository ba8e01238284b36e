import assert from 'node:assert/strict';
import type { LogFields } from '../../src/log.ts';
import { Metrics } from '../../src/metrics.ts';
import { createObserver } from '../../src/app/token-observer.ts';
import type { Credential } from '../../src/tokens/credential.ts';
import type { RenewalReport, TokenObserver } from '../../src/tokens/manager.ts';
import type { AccountStatusName, CredentialStatus } from '../../src/tokens/status.ts';
import { RecordError, StoreError } from '../../src/tokens/store.ts';
import { FakeClock } from '../support/clock.ts';
import { fakeCredential } from '../support/credential.ts';
import { recorder } from '../support/proxy.ts';

interface Line extends LogFields {
  readonly level: string;
  readonly message: string;
}

const CRM: Credential = fakeCredential({ flow: 'chatapp', canRefresh: true });
const BUDGET = { remaining: 77, limit: 80, reserveRemaining: 20, reserveLimit: 20, retryAt: undefined };

describe('the log', () => {
  let observer: TokenObserver;
  let clock: FakeClock;
  let status: CredentialStatus;
  let lines: string[];
  beforeEach(() => {
    clock = new FakeClock();
    lines = [];
    status = {
      account: 'crm',
      flow: 'chatapp',
      named: true,
      state: 'working',
      ready: true,
      problem: undefined,
      generation: 4,
      obtainedAt: undefined,
      expiresAt: undefined,
      refreshExpiresAt: undefined,
      refusedAt: undefined,
      dead: false,
      renewing: false,
      waiting: 0,
      retryAt: undefined,
      budget: BUDGET,
    };
    observer = createObserver({
      metrics: new Metrics('x'),
      log: recorder(lines),
      clock,
      declared: [CRM],
      statusOf: () => status,
    });
  });

  /** What stands in the log at info and above. */
  const told = (): Line[] =>
    lines.map((line) => JSON.parse(line) as Line).filter(({ level }) => ['info', 'warn', 'error'].includes(level));
  const renewed = (change: Partial<RenewalReport>): void =>
    observer.renewed(CRM, {
      kind: 'refresh',
      cause: { why: 'expired', by: undefined },
      outcome: 'granted',
      reason: '',
      detail: undefined,
      seconds: 0.012,
      generation: undefined,
      expiresAt: undefined,
      budget: undefined,
      ...change,
    });
  const becomes = (state: AccountStatusName, change: Partial<CredentialStatus> = {}): void => {
    status = { ...status, problem: undefined, retryAt: undefined, dead: false, ...change, state };
    observer.changed(CRM);
  };

  it('has one line for a renewal: why, by what, how, and what came of it', () => {
    renewed({
      cause: { why: 'refused', by: '/crm responded with 403' },
      generation: 5,
      expiresAt: Date.UTC(2026, 10, 27, 8, 30),
      budget: BUDGET,
    });
    assert.deepEqual(told(), [
      {
        level: 'info',
        message: 'renewed crm by refresh because /crm responded with 403',
        account: 'crm',
        flow: 'chatapp',
        kind: 'refresh',
        outcome: 'granted',
        cause: 'refused',
        by: '/crm responded with 403',
        generation: 5,
        expires: '2026-11-27T08:30:00.000Z',
        logins_left: 77,
        reserve_left: 20,
        seconds: 0.012,
      },
    ]);
  });

  for (const [cause, words] of [
    [{ why: 'first', by: undefined }, 'because it had no token'],
    [{ why: 'expired', by: undefined }, 'because its token had expired'],
    [{ why: 'early', by: undefined }, 'because its token ends soon'],
    [{ why: 'operator', by: undefined }, 'because an operator requested it'],
    [{ why: 'refused', by: undefined }, 'because an upstream rejected its token'],
  ] as const) {
    it(`says of a renewal whose cause is "${cause.why}": ${words}`, () => {
      renewed({ cause });
      assert.equal(told()[0]!.message, `renewed crm by refresh ${words}`);
    });
  }

  it('says of a call that brought no token what it came to', () => {
    renewed({
      outcome: 'failed',
      reason: 'malformed',
      detail: 'no token at /access_token; text/html from login.example',
    });
    renewed({ outcome: 'busy', reason: 'rate limited' });
    renewed({ kind: 'login', outcome: 'refused', reason: 'status 401, code 1006' });
    renewed({ kind: 'login', outcome: 'impossible', reason: 'no value for {appId}' });
    assert.deepEqual(
      told().map(({ level, message, detail }) => [level, message, detail]),
      [
        [
          'warn',
          'the refresh of crm failed (malformed); it was tried because its token had expired',
          'no token at /access_token; text/html from login.example',
        ],
        [
          'warn',
          'the token endpoint postponed the refresh of crm (rate limited); it was tried because its token had expired',
          undefined,
        ],
        [
          'warn',
          'the login of crm was refused (status 401, code 1006); it was tried because its token had expired',
          undefined,
        ],
        ['error', 'the login of crm cannot be made: no value for {appId}. Correct the configuration', undefined],
      ],
    );
  });

  it('says of a dead account, as an error, what a person must do', () => {
    becomes('dead', { dead: true, problem: 'the upstream refused the login (status 401)' });
    assert.deepEqual(
      told().map(({ level, message, state }) => [level, message, state]),
      [
        [
          'error',
          'account crm is dead: the upstream refused the login (status 401). Its requests fail until a person acts: correct its credentials and reload the configuration; if they are right after all: tokenward renew crm',
          'dead',
        ],
      ],
    );
  });

  it('says of a dead account that was imported, or whose record does not open, what is right for those', () => {
    const imported = fakeCredential({ account: 'erp', canLogin: false });
    status = { ...status, account: 'erp', state: 'dead', problem: 'the refresh token was refused' };
    observer.changed(imported);
    observer.recordUnreadable?.(CRM, new RecordError('sealed with another key'));
    becomes('dead', { account: 'crm', problem: 'sealed with another key' });
    assert.deepEqual(
      told().map(({ level, message }) => [level, message]),
      [
        [
          'error',
          'account erp is dead: the refresh token was refused. Its requests fail until a person acts: import a new refresh token: tokenward import erp',
        ],
        ['error', 'the record of account crm in the token store cannot be opened; all other accounts work'],
        [
          'error',
          'account crm is dead: sealed with another key. Its requests fail until a person acts: repair its record in the store',
        ],
      ],
    );
  });

  it('says of an exhausted budget until when, and how to spend the reserve', () => {
    becomes('out_of_logins', {
      problem: 'the login budget is used up',
      budget: { ...BUDGET, remaining: 0, retryAt: Date.UTC(2026, 10, 27) },
    });
    assert.deepEqual(
      told().map(({ level, message, logins_left, reserve_left }) => [level, message, logins_left, reserve_left]),
      [
        [
          'error',
          'account crm is out of logins until 2026-11-27T00:00:00.000Z, and its requests fail. To spend a login of the reserve: tokenward renew crm --use-reserve',
          0,
          20,
        ],
      ],
    );
  });

  it('has one line for each change of trouble, and one for the recovery', () => {
    const failing = { problem: 'the refresh failed (status_5xx)', retryAt: clock.wall() + 21_000 };
    becomes('degraded', failing);
    becomes('degraded', failing);
    becomes('down', failing);
    // The next try, in vain.
    becomes('renewing', failing);
    becomes('down', failing);
    becomes('renewing', failing);
    becomes('working', { generation: 5 });
    becomes('working', { generation: 6 });
    assert.deepEqual(
      told().map(({ level, message, state, was, retry_in }) => [level, message, state, was, retry_in]),
      [
        [
          'warn',
          'account crm is degraded: the refresh failed (status_5xx). Its token is still accepted',
          'degraded',
          undefined,
          21,
        ],
        [
          'error',
          'account crm is down: the refresh failed (status_5xx). Its requests fail until a renewal succeeds',
          'down',
          'degraded',
          21,
        ],
        ['info', 'account crm works again', 'working', 'down', undefined],
      ],
    );
  });

  it('says of a dead credential whose token still works that a person must act', () => {
    becomes('degraded', { dead: true, problem: 'the upstream refused the login (status 401)' });
    assert.match(
      told()[0]!.message,
      /^account crm is degraded: the upstream refused the login \(status 401\)\. Its token is still accepted, but a person must act: correct its credentials/,
    );
  });

  it('has one line for a store that fails at every request, and the count in the metrics', () => {
    for (let index = 0; index < 50; index += 1)
      observer.storeFailed('lease', new StoreError('cannot write: no space left on device'));
    observer.storeFailed('read', new StoreError('cannot read'));
    assert.deepEqual(
      told().map(({ level, message, reason, detail }) => [level, message, reason, detail]),
      [
        ['error', 'the token store failed', 'lease', 'cannot write: no space left on device'],
        ['error', 'the token store failed', 'read', 'cannot read'],
      ],
    );
    clock.pass(31_000);
    observer.storeFailed('lease', new StoreError('cannot write: no space left on device'));
    assert.equal(told().length, 3);
  });
});
