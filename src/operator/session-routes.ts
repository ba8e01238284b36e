import type { Request, Response } from 'express';
import type { Logger } from '../log.ts';
import { addressOf, type OperatorAccess } from './access.ts';

type Handler = (request: Request, response: Response) => void;

/** GET, POST and DELETE /session: how an operator's browser gets the right to act. */
export function sessionRoutes(access: OperatorAccess, log: Logger): Record<'get' | 'begin' | 'end', Handler> {
  return {
    get(request, response) {
      response.json({ keyNeeded: access.needsKey, active: access.sessionOf(request) !== undefined });
    },
    begin(request, response) {
      const address = addressOf(request);
      if (!access.needsKey) {
        const title = 'No key is configured (operator.key), so there is nothing to log in with.';
        response.status(400).json({ code: 'no_key_configured', title });
        return;
      }
      // A session does not prolong itself: another one needs the key again.
      if (!access.hasKey(request)) {
        response.status(401).json({ code: 'operator_key_missing', title: "A session begins with the operator's key." });
        return;
      }
      const { session, cookie } = access.beginSession(request);
      log.info('an operator logged in to the page', { address, by: `session ${session.name}` });
      response.setHeader('set-cookie', cookie);
      response.json({ token: session.token });
    },
    end(request, response) {
      const by = access.actorOf(request);
      response.setHeader('set-cookie', access.endSession(request));
      log.info('an operator logged out of the page', { address: addressOf(request), by });
      response.json({ ok: true });
    },
  };
}
