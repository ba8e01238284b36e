import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { eventually } from '../support/eventually.ts';
import { vendorOf, type EndpointMode } from './modes.ts';

/** Waits until a token call since then has come so far at the endpoint. */
export function tokenCall(
  { ledger }: Sandbox,
  since: number,
  state: 'arrived' | 'committed' | 'answered',
): Promise<void> {
  return eventually(
    `a token call that has ${state}`,
    () =>
      ledger.count({
        since,
        where: ({ kind, bodySha256, issued, finishedAt }) =>
          kind !== 'api' &&
          bodySha256 !== null &&
          (state === 'arrived' || (state === 'committed' ? issued !== null : finishedAt !== null)),
      }) > 0,
  );
}

/** The endpoint takes its time, `ms`, before it carries a token call out, or before it answers. */
export function hesitate(sandbox: Sandbox, mode: EndpointMode, when: 'before' | 'after' | 'never', ms = 0): void {
  const delay = when === 'before' ? ms : 0;
  const slow = when === 'after' ? 'slow' : 'normal';
  vendorOf(sandbox, mode).set({ slowMs: ms, loginDelayMs: delay, loginMode: slow });
  if (mode.vendor === 'chatapp') sandbox.chatapp.set({ refreshDelayMs: delay, refreshMode: slow });
}
