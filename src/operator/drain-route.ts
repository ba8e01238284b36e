import type { Request, Response } from 'express';
import type { Logger } from '../log.ts';
import { addressOf, type OperatorAccess } from './access.ts';
import type { OperatorView } from './view.ts';

/** POST /drain: the orderly stop that SIGTERM begins. */
export function drainRoute(
  view: OperatorView,
  log: Logger,
  access: OperatorAccess,
): (request: Request, response: Response) => void {
  return (request, response) => {
    if (view.drain === undefined) {
      const title = 'This program cannot be stopped from here.';
      response.status(501).json({ code: 'drain_unavailable', title });
      return;
    }
    log.warn('an operator stops tokenward', { address: addressOf(request), by: access.actorOf(request) });
    response.status(202).json({ ok: true });
    view.drain();
  };
}
