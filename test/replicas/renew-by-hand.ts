import { setTimeout as sleep } from 'node:timers/promises';
import { call, type Answer } from '../support/call.ts';

/**
 * Renews an account through the operator port. An account is renewed by hand once in ten seconds at most: who comes
 * sooner waits as told.
 */
export async function renewByHand(operatorUrl: string, account: string): Promise<Answer> {
  for (;;) {
    const answer = await call(operatorUrl, `/renew/${account}`, { method: 'POST' });
    if (answer.status !== 429) return answer;
    await sleep(Number(answer.headers['retry-after'] ?? 1) * 1_000);
  }
}
