import assert from 'node:assert/strict';
import type { RenewalReport } from '../../src/tokens/manager.ts';
import { failed, fakeCredential, granted, refused } from '../support/credential.ts';
import { settled } from '../support/virtual-time.ts';
import { inVirtualTime, type InVirtualTime } from './in-virtual-time.ts';

/** A manager, and the reports of the calls that it made. */
async function reporting(
  credential = fakeCredential(),
): Promise<InVirtualTime & { readonly reports: RenewalReport[] }> {
  const reports: RenewalReport[] = [];
  const ignore = (): void => undefined;
  const observer = {
    renewed: (_: unknown, report: RenewalReport) => void reports.push(report),
    suppressed: ignore,
    changed: ignore,
    storeFailed: ignore,
  };
  return { ...(await inVirtualTime(credential, { observer })), reports };
}

describe('the report of a call to the token endpoint', () => {
  it('names what the renewal was for: a first token, a rejected one, an expired one, an operator', async () => {
    const { manager, clock, token, reports } = await reporting();
    const first = await token(() => manager.get('crm'));
    await token(() => manager.renew('crm', first, 'status 401'));
    clock.pass(3_600_000);
    await token(() => manager.get('crm'));
    await token(() => manager.renewNow('crm'));
    assert.deepEqual(
      reports.map(({ kind, cause }) => [kind, cause]),
      [
        ['login', { why: 'first', by: undefined }],
        ['refresh', { why: 'refused', by: 'status 401' }],
        ['refresh', { why: 'expired', by: undefined }],
        ['refresh', { why: 'operator', by: undefined }],
      ],
    );
  });

  it('names an early renewal, whether in the background or before a request', async () => {
    const { manager, clock, token, reports } = await reporting(fakeCredential({ renew: 'early' }));
    await token(() => manager.get('crm'));
    clock.pass(3_000_000);
    await token(() => manager.get('crm'));
    await settled();
    clock.pass(3_599_500);
    await token(() => manager.get('crm'));
    const early = { why: 'early', by: undefined };
    assert.deepEqual(
      reports.slice(1).map(({ cause }) => cause),
      [early, early],
    );
  });

  it('names the kind of the call, whatever it came to', async () => {
    const { manager, token, reports } = await reporting(
      fakeCredential({}, failed({ retryAfter: 1 }), granted(), refused),
    );
    const first = await token(() => manager.get('crm'));
    await token(() => manager.renew('crm', first));
    assert.deepEqual(
      reports.map(({ kind, outcome }) => `${kind} ${outcome}`),
      ['login failed', 'login granted', 'refresh refused', 'login granted'],
    );
  });

  it('tells of a granted token its generation, its end, and how long the call took', async () => {
    const credential = fakeCredential({}, () => {
      clock.pass(1_500);
      return granted({ lifetime: 60 });
    });
    const { manager, clock, token, reports } = await reporting(credential);
    const { expiresAt } = await token(() => manager.get('crm'));
    assert.equal(expiresAt, clock.wall() + 60_000);
    assert.deepEqual(reports, [
      {
        kind: 'login',
        cause: { why: 'first', by: undefined },
        outcome: 'granted',
        reason: '',
        detail: undefined,
        seconds: 1.5,
        generation: 1,
        expiresAt,
        budget: undefined,
      },
    ]);
  });

  it('tells of a call that failed the reason, the detail, and how long it took', async () => {
    const outcome = { ...failed({ reason: 'timeout', reach: 'unanswered' }), detail: 'host auth.example' };
    const credential = fakeCredential({}, () => {
      clock.pass(15_000);
      return outcome;
    });
    const { manager, clock, error, reports } = await reporting(credential);
    const { detail } = await error(() => manager.get('crm'));
    assert.equal(detail, 'account crm: the login failed (timeout: host auth.example)');
    assert.deepEqual(reports, [
      {
        kind: 'login',
        cause: { why: 'first', by: undefined },
        outcome: 'failed',
        reason: 'timeout',
        detail: 'host auth.example',
        seconds: 15,
        generation: undefined,
        expiresAt: undefined,
        budget: undefined,
      },
    ]);
  });

  it('tells the logins that are left', async () => {
    const budget = { key: 'logins', logins: 10, window: 86_400_000, reserve: 2 };
    const credential = fakeCredential({ canRefresh: false, budget }, { kind: 'refused', reason: 'status 401' });
    const { manager, token, error, reports } = await reporting(credential);
    await error(() => manager.get('crm'));
    await token(() => manager.renewNow('crm'));
    assert.deepEqual(
      reports.map(({ outcome, detail, budget: left }) => [outcome, detail, left?.remaining]),
      [
        ['refused', undefined, 7],
        ['granted', undefined, 6],
      ],
    );
  });
});
