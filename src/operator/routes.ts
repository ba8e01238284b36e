import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import type { Express, Request, Response } from 'express';
import { problemDocument, TokenwardError } from '../errors.ts';
import { describeFault, type Logger } from '../log.ts';
import { createExpress } from '../server.ts';
import type { OperatorView } from './view.ts';

export interface OperatorParts {
  readonly view: OperatorView;
  readonly log: Logger;
}

const PAGE = readFileSync(new URL('./page.html', import.meta.url), 'utf8');

/** Health, metrics, status and the operator's few actions, on a port of their own. Nothing here shows a secret. */
export function createOperatorApp({ view, log }: OperatorParts): Express {
  const app = createExpress();

  app.use((request, response, next) => {
    response.setHeader('cache-control', 'no-store');
    response.setHeader('x-content-type-options', 'nosniff');
    response.setHeader('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; frame-ancestors 'none'");
    // A page of another site must not be able to act here through an operator's browser.
    if (request.method !== 'GET' && request.method !== 'HEAD' && (request.headers.origin !== undefined || request.headers['sec-fetch-site'] !== undefined) && !sameOrigin(request)) {
      response.status(403).json({ code: 'cross_site', title: 'Requests from other sites are refused.' });
      return;
    }
    next();
  });

  app.get('/healthz', (_request, response) => {
    response.type('text').send('ok\n');
  });

  app.get('/readyz', async (_request, response) => {
    const readiness = await view.readiness();
    response.status(readiness.ready ? 200 : 503).json(readiness);
  });

  app.get('/metrics', async (_request, response) => {
    const { contentType, text } = await view.metrics();
    response.type(contentType).send(text);
  });

  app.get('/status', async (_request, response) => {
    response.json(await view.status());
  });

  app.post('/renew/:account', async (request: Request<{ account: string }>, response) => {
    const { account } = request.params;
    const renewed = await view.renew(account, request.query['reserve'] === 'true');
    if (renewed === undefined) {
      response.status(404).json({ code: 'account_unknown', title: 'There is no account of this name.' });
      return;
    }
    log.info('renewed by an operator', { account, generation: renewed.generation });
    response.json({ account, ...renewed });
  });

  app.get('/', (_request, response) => {
    response.type('html').send(PAGE);
  });

  app.use((_request, response) => {
    response.status(404).json({ code: 'not_found', title: 'Here are /, /healthz, /readyz, /metrics, /status and POST /renew/<account>.' });
  });

  app.use((error: unknown, _request: Request, response: Response, _next: unknown) => {
    const ours = error instanceof TokenwardError ? error : new TokenwardError(isMalformed(error) ? 'request_malformed' : 'internal');
    if (ours.code === 'internal') log.error('unexpected fault on the operator port', { detail: describeFault(error) });
    if (ours.retryAfter !== undefined) response.setHeader('retry-after', String(ours.retryAfter));
    response.status(ours.status).type('application/problem+json').send(problemDocument(ours));
  });
  return app;
}

/**
 * From our own page. It must have been opened by an address or as localhost: another name could be one that the site
 * which asks has pointed here (DNS rebinding), and then origin and host agree as well.
 */
function sameOrigin(request: Request): boolean {
  const { origin, host } = request.headers;
  if (origin === undefined || host === undefined || !URL.canParse(origin)) return false;
  const from = new URL(origin);
  return from.host === host && (from.hostname === 'localhost' || isIP(from.hostname.replace(/^\[|\]$/g, '')) !== 0);
}

/** Express could not decode the path. */
function isMalformed(error: unknown): boolean {
  return error instanceof URIError;
}
