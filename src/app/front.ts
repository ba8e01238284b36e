import type { IncomingMessage, ServerResponse } from 'node:http';
import { TokenwardError } from '../errors.ts';
import type { RequestHandler, StreamedRequest } from '../http/server/exchange.ts';
import { createExpress } from '../http/server/express.ts';
import { describeFault, type Logger } from '../log.ts';
import { answerError } from '../proxy/respond.ts';

/** The Express app in front of the handler: every request comes to it that the fast engine does not take itself. */
export function proxyApp(handler: RequestHandler, log: Logger): ReturnType<typeof createExpress> {
  const app = createExpress();
  // Every request of our server is one of the callers'; Express's types do not know the class.
  app.use((request, response) => handler(request as unknown as StreamedRequest, response));
  // Express comes here only if it fails before the handler runs.
  app.use((error: unknown, request: IncomingMessage, response: ServerResponse, _next: unknown) => {
    log.error('unexpected fault before the handler', { detail: describeFault(error) });
    answerError(request as StreamedRequest, response, new TokenwardError('request_malformed'), 0);
  });
  return app;
}
