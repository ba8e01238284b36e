import type { Request, Response } from 'express';
import { TokenwardError, type ErrorCode } from '../errors.ts';
import type { Logger } from '../log.ts';
import { addressOf, type OperatorAccess } from './access.ts';
import { noSuchAccount } from './no-such-account.ts';
import type { RenewalThrottle } from './renewal-throttle.ts';
import type { OperatorView } from './view.ts';

type RenewRoute = (request: Request<{ account: string }>, response: Response) => Promise<void>;

const BUDGET_EXHAUSTED: readonly ErrorCode[] = ['login_budget_exhausted', 'renewal_budget_exhausted'];

/** POST /renew/<account>: a renewal by hand. */
export function renewRoute(
  view: OperatorView,
  log: Logger,
  access: OperatorAccess,
  throttle: RenewalThrottle,
): RenewRoute {
  return async (request, response) => {
    const { account } = request.params;
    const address = addressOf(request);
    const by = access.actorOf(request);
    const wait = throttle.begin(account);
    if (wait > 0) {
      const seconds = Math.max(1, Math.ceil(wait / 1000));
      response.setHeader('retry-after', String(seconds));
      const title = `A renewal of this account by hand began less than 10 s ago; the next may begin in ${seconds} s.`;
      response.status(429).json({ code: 'renewed_just_now', title });
      return;
    }
    try {
      const { reserve, login } = request.query;
      const renewed = await view.renew(account, { useReserve: reserve === 'true', login: login === 'true' });
      if (renewed === undefined) {
        throttle.forget(account);
        response.status(404).json(await noSuchAccount(view, [account]));
        return;
      }
      log.info(`an operator renewed ${account}`, { account, generation: renewed.generation, address, by });
      response.json({ account, ...renewed });
    } catch (error) {
      // No call was made: the operator may repeat the request with the reserve at once.
      if (error instanceof TokenwardError && BUDGET_EXHAUSTED.includes(error.code)) throttle.forget(account);
      if (error instanceof TokenwardError) {
        log.warn(`an operator tried to renew ${account}, without success`, {
          account,
          code: error.code,
          address,
          by,
          ...(error.detail !== undefined && { detail: error.detail }),
        });
      }
      throw error;
    }
  };
}
