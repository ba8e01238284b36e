import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Express, Request, Response } from 'express';
import { problemDocument, TokenwardError } from '../errors.ts';
import { describeFault, type Logger } from '../log.ts';
import { createExpress } from '../http/server/express.ts';
import { systemClock, type Clock } from '../tokens/clock.ts';
import type { OperatorAccess } from './access.ts';
import { noSuchAccount } from './no-such-account.ts';
import { wantsOpenMetrics } from './open-metrics.ts';
import { PAGE, PAGE_POLICY } from './page.ts';
import { parseReadinessQuery } from './readiness-query.ts';
import { renewRoute } from './renew-route.ts';
import { RenewalThrottle } from './renewal-throttle.ts';
import type { OperatorView } from './view.ts';

interface OperatorParts {
  readonly view: OperatorView;
  readonly log: Logger;
  readonly access: OperatorAccess;
  /** Default: the system's. */
  readonly clock?: Clock;
}

const compress = promisify(gzip);

/** Health, metrics, status and the operator's actions, on a port of their own. No response contains a secret. */
export function createOperatorApp({ view, log, access, clock = systemClock }: OperatorParts): Express {
  const app = createExpress();

  app.use((request, response, next) => {
    response.setHeader('cache-control', 'no-store');
    response.setHeader('x-content-type-options', 'nosniff');
    response.setHeader('content-security-policy', PAGE_POLICY);
    const acts = request.method !== 'GET' && request.method !== 'HEAD';
    const refusal = acts
      ? (access.checkAction(request, request.query['reserve'] === 'true') ?? access.checkRead(request))
      : access.checkRead(request);
    if (refusal !== undefined) {
      const { status, code, title } = refusal;
      if (acts) {
        const address = request.socket.remoteAddress ?? 'unknown';
        log.warn('a request to act on the operator port was refused', { code, address });
      }
      if (status === 401) response.setHeader('www-authenticate', 'Bearer realm="tokenward operator"');
      response.status(status).json({ code, title });
      return;
    }
    next();
  });

  app.get('/healthz', (_request, response) => {
    response.type('text').send('ok\n');
  });

  app.get('/readyz', async (request, response) => {
    const query = parseReadinessQuery(request);
    if (query === undefined) {
      const title = '/readyz understands account=NAME, min-ready=NUMBER and store=optional.';
      response.status(400).json({ code: 'query_malformed', title });
      return;
    }
    const readiness = await view.readiness(query);
    if (readiness === undefined) {
      response.status(404).json(await noSuchAccount(view, query.accounts));
      return;
    }
    response.status(readiness.ready ? 200 : 503).json(readiness);
  });

  app.get('/metrics', async (request, response) => {
    const { contentType, text } = await view.metrics(wantsOpenMetrics(request.headers.accept));
    response.setHeader('content-type', contentType);
    response.vary('accept, accept-encoding');
    if (request.acceptsEncodings('gzip', 'identity') !== 'gzip') {
      response.send(text);
      return;
    }
    response.setHeader('content-encoding', 'gzip');
    response.end(await compress(text));
  });

  app.get('/status', async (_request, response) => {
    response.json(await view.status());
  });

  app.post('/renew/:account', renewRoute(view, log, new RenewalThrottle(clock)));

  app.get('/', (_request, response) => {
    response.type('html').send(PAGE);
  });

  app.use((_request, response) => {
    const title = 'This port serves /, /healthz, /readyz, /metrics, /status and POST /renew/<account>.';
    response.status(404).json({ code: 'not_found', title });
  });

  app.use((error: unknown, _request: Request, response: Response, _next: unknown) => {
    const failure =
      error instanceof TokenwardError
        ? error
        : new TokenwardError(isMalformed(error) ? 'request_malformed' : 'internal');
    if (failure.code === 'internal')
      log.error('unexpected fault on the operator port', { detail: describeFault(error) });
    if (failure.retryAfter !== undefined) response.setHeader('retry-after', String(failure.retryAfter));
    response.status(failure.status).type('application/problem+json').send(problemDocument(failure));
  });
  return app;
}

/** True if Express could not decode the path. */
function isMalformed(error: unknown): boolean {
  return error instanceof URIError;
}
