import type { Request, Response } from 'express';
import type { Logger } from '../log.ts';
import { addressOf, type OperatorAccess } from './access.ts';
import type { ConfigControl } from './config-status.ts';

/** POST /reload: reloads the configuration, and says what has changed or what is wrong with it. */
export function reloadRoute(
  config: ConfigControl,
  log: Logger,
  access: OperatorAccess,
): (request: Request, response: Response) => Promise<void> {
  return async (request, response) => {
    log.info('an operator reloads the configuration', { address: addressOf(request), by: access.actorOf(request) });
    const outcome = await config.reload('operator');
    if (outcome.ok) {
      response.json({ ok: true, changes: outcome.changes });
      return;
    }
    const problem = {
      type: 'urn:tokenward:error:config_refused',
      title: 'The configuration was not applied; the one before it is in use.',
      status: 422,
      code: 'config_refused',
      detail: outcome.error,
      errors: outcome.errors,
    };
    response
      .status(422)
      .type('application/problem+json')
      .send(`${JSON.stringify(problem)}\n`);
  };
}
