import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Express, Request, Response } from 'express';
import { problemDocument, TokenwardError } from '../errors.ts';
import { describeFault, type Logger } from '../log.ts';
import { createExpress } from '../http/server/express.ts';
import { systemClock, type Clock } from '../tokens/clock.ts';
import { addressOf, type OperatorAccess } from './access.ts';
import { parseAccountQuery } from './account-query.ts';
import { drainRoute } from './drain-route.ts';
import { EventStream } from './events.ts';
import { noSuchAccount } from './no-such-account.ts';
import { wantsOpenMetrics } from './open-metrics.ts';
import { PAGE_FILES, PAGE_POLICY } from './page.ts';
import { parseReadinessQuery } from './readiness-query.ts';
import type { ConfigControl } from './config-status.ts';
import { reloadRoute } from './reload-route.ts';
import { renewRoute } from './renew-route.ts';
import { RenewalThrottle } from './renewal-throttle.ts';
import { sessionRoutes } from './session-routes.ts';
import type { OperatorView } from './view.ts';

interface OperatorParts {
  readonly view: OperatorView;
  readonly log: Logger;
  readonly access: OperatorAccess;
  /** Default: the system's. */
  readonly clock?: Clock;
  /** Undefined: the configuration is not from a file, and cannot be reloaded. */
  readonly config?: ConfigControl | undefined;
}

const compress = promisify(gzip);
/** Actions that need a key wherever others can reach the port. */
const SPARE_ACTION = /^\/(?:drain|reload)\/?$/i;

/** Health, metrics, status and the operator's actions, on a port of their own. No response contains a secret. */
export function createOperatorApp({ view, log, access, clock = systemClock, config }: OperatorParts): Express {
  const app = createExpress();

  app.use((request, response, next) => {
    response.setHeader('cache-control', 'no-store');
    response.setHeader('x-content-type-options', 'nosniff');
    response.setHeader('content-security-policy', PAGE_POLICY);
    response.setHeader('referrer-policy', 'no-referrer');
    const acts = request.method !== 'GET' && request.method !== 'HEAD';
    const isSpare = request.query['reserve'] === 'true' || SPARE_ACTION.test(request.path);
    const refusal = acts
      ? (access.checkAction(request, isSpare ? 'spare' : 'ordinary') ?? access.checkRead(request))
      : access.checkRead(request);
    if (refusal !== undefined) {
      const { status, code, title, retryAfter } = refusal;
      if (acts) log.warn('a request to act on the operator port was refused', { code, address: addressOf(request) });
      if (retryAfter !== undefined) response.setHeader('retry-after', String(retryAfter));
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

  app.get('/accounts', async (request, response) => {
    const query = parseAccountQuery(request);
    if (query === undefined) {
      const title = '/accounts understands state=STATE (repeatable), q=TEXT, page=NUMBER and size=NUMBER (up to 200).';
      response.status(400).json({ code: 'query_malformed', title });
      return;
    }
    response.json(await view.accounts(query));
  });

  app.get('/overview', async (_request, response) => {
    response.json(await view.overview());
  });

  const events = new EventStream(view, log);
  app.get('/events', (request, response) => {
    const refusal = access.checkStream(request);
    if (refusal === undefined) events.listen(request, response);
    else response.status(refusal.status).json({ code: refusal.code, title: refusal.title });
  });

  const session = sessionRoutes(access, log);
  app.get('/session', session.get);
  app.post('/session', session.begin);
  app.delete('/session', session.end);

  app.post('/renew/:account', renewRoute(view, log, access, new RenewalThrottle(clock)));
  app.post('/drain', drainRoute(view, log, access));
  if (config !== undefined) app.post('/reload', reloadRoute(config, log, access));

  for (const [path, { type, content }] of PAGE_FILES)
    app.get(path, (_request, response) => {
      response.type(type).send(content);
    });

  app.use((_request, response) => {
    const title =
      'This port serves /, /healthz, /readyz, /metrics, /status, /accounts, /overview, /events, ' +
      'POST /renew/<account>, POST /reload and POST /drain.';
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
