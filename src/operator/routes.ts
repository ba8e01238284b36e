import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import type { Express, Request, Response } from 'express';
import type { RouteConfig } from '../config/schema.ts';
import { problemDocument, TokenwardError } from '../errors.ts';
import { describeFault, type Logger } from '../log.ts';
import type { Metrics } from '../metrics.ts';
import { createExpress } from '../server.ts';
import type { Clock } from '../tokens/clock.ts';
import type { CredentialStatus, TokenManager } from '../tokens/manager.ts';
import type { TokenStore } from '../tokens/store.ts';
import { VERSION } from '../version.ts';

/** Whether this process is on its way out. */
export interface Readiness {
  stopping: boolean;
}

export interface OperatorParts {
  readonly tokens: TokenManager;
  readonly store: TokenStore;
  readonly metrics: Metrics;
  readonly buffers: { readonly used: number };
  readonly readiness: Readiness;
  readonly clock: Clock;
  readonly log: Logger;
  readonly routes: readonly RouteConfig[];
}

const PAGE = readFileSync(new URL('./page.html', import.meta.url), 'utf8');

/** Health, metrics, status and the operator's few actions, on a port of their own. Nothing here shows a secret. */
export function createOperatorApp(parts: OperatorParts): Express {
  const { tokens, store, metrics, readiness, clock, log } = parts;
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
    const usable = await store.check().then(() => true, () => false);
    const unable = tokens.status().filter((account) => !account.ready || (!usable && !holdsToken(account, clock.wall())));
    const problems: { account?: string; problem: string }[] = unable.map(({ account, problem }) => ({ account, problem: problem ?? 'has no usable token' }));
    if (readiness.stopping) problems.push({ problem: 'shutting down' });
    const ready = problems.length === 0;
    // Living tokens go on serving without the store: saying "not ready" then would turn its outage into ours.
    if (!usable) problems.push({ problem: 'the token store cannot be used: living tokens go on serving, nothing is renewed' });
    response.status(ready ? 200 : 503).json({ ready, problems });
  });

  app.get('/metrics', async (_request, response) => {
    await tokens.refreshBudgets();
    describeCredentials(metrics, tokens.status());
    metrics.bufferedBytes.set(parts.buffers.used);
    response.type(metrics.registry.contentType).send(await metrics.registry.metrics());
  });

  app.get('/status', async (_request, response) => {
    await tokens.refreshBudgets();
    response.json({
      version: VERSION, node: process.version, now: clock.wall(), stopping: readiness.stopping,
      accounts: tokens.status(),
      routes: parts.routes.map(({ prefix, upstream, account }) => ({ prefix, upstream, account, ...routeCounts(metrics, prefix) })),
    });
  });

  app.post('/renew/:account', async (request: Request<{ account: string }>, response) => {
    const { account } = request.params;
    if (!tokens.has(account)) {
      response.status(404).json({ code: 'account_unknown', title: 'There is no account of this name.' });
      return;
    }
    const token = await tokens.renewNow(account, request.query['reserve'] === 'true');
    log.info('renewed by an operator', { account, generation: token.generation });
    response.json({ account, generation: token.generation, expiresAt: token.expiresAt });
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
function holdsToken({ generation, expiresAt }: CredentialStatus, now: number): boolean {
  return generation > 0 && (expiresAt === undefined || expiresAt > now);
}

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

function routeCounts(metrics: Metrics, prefix: string): { requests: number; inFlight: number } {
  const stats = metrics.route(prefix);
  return { requests: stats.histogram().count, inFlight: stats.inFlight };
}

/** The credentials' state as gauges, written when somebody asks. */
function describeCredentials(metrics: Metrics, accounts: readonly CredentialStatus[]): void {
  for (const status of accounts) {
    const labels = { account: status.account, flow: status.flow };
    metrics.generation.set(labels, status.generation);
    if (status.obtainedAt !== undefined) metrics.obtained.set(labels, status.obtainedAt / 1000);
    if (status.expiresAt === undefined) metrics.expiry.remove(labels);
    else metrics.expiry.set(labels, status.expiresAt / 1000);
    metrics.dead.set(labels, status.dead ? 1 : 0);
    metrics.ready.set(labels, status.ready ? 1 : 0);
    metrics.waiting.set({ account: status.account }, status.waiting);
    if (status.budget !== undefined) {
      metrics.budgetRemaining.set(labels, status.budget.remaining);
      metrics.budgetLimit.set(labels, status.budget.limit);
    }
  }
}
