import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Express, Request, Response } from 'express';
import { nearest } from '../nearest.ts';
import { problemDocument, TokenwardError } from '../errors.ts';
import { describeFault, type Logger } from '../log.ts';
import { createExpress } from '../http/server/express.ts';
import { systemClock, type Clock } from '../tokens/clock.ts';
import type { OperatorDoor } from './door.ts';
import type { ReadinessWishes } from './readiness.ts';
import { RenewalPause } from './renewal-pause.ts';
import type { OperatorView } from './view.ts';

export interface OperatorParts {
  readonly view: OperatorView;
  readonly log: Logger;
  readonly door: OperatorDoor;
  /** The system's without it. */
  readonly clock?: Clock;
}

const zip = promisify(gzip);
const PAGE = readFileSync(new URL('./page.html', import.meta.url), 'utf8');
/** The page's own scripts by their digests: whatever else gets into the page does not run. */
const PAGE_SCRIPTS = [...PAGE.matchAll(/<script>([\s\S]*?)<\/script>/g)].map(([, text]) => `'sha256-${createHash('sha256').update(text!).digest('base64')}'`).join(' ');

/** Health, metrics, status and the operator's few actions, on a port of their own. Nothing here shows a secret. */
export function createOperatorApp({ view, log, door, clock = systemClock }: OperatorParts): Express {
  const app = createExpress();
  const pause = new RenewalPause(clock);

  app.use((request, response, next) => {
    response.setHeader('cache-control', 'no-store');
    response.setHeader('x-content-type-options', 'nosniff');
    response.setHeader('content-security-policy', `default-src 'none'; style-src 'unsafe-inline'; script-src ${PAGE_SCRIPTS}; connect-src 'self'; frame-ancestors 'none'`);
    const acts = request.method !== 'GET' && request.method !== 'HEAD';
    const refusal = acts ? door.mayAct(request, request.query['reserve'] === 'true') ?? door.mayLook(request) : door.mayLook(request);
    if (refusal !== undefined) {
      const { status, code, title } = refusal;
      if (acts) log.warn('a request to act on the operator port was refused', { code, address: request.socket.remoteAddress ?? 'unknown' });
      if (status === 401) response.setHeader('www-authenticate', 'Bearer realm="tokenward operator"');
      response.status(status).json({ code, title });
      return;
    }
    next();
  });

  const noSuchAccount = async (asked: readonly string[]): Promise<{ code: string; title: string; detail: string }> => {
    const names = await view.accountNames();
    const unknown = asked.find((account) => !names.includes(account)) ?? '';
    return { code: 'account_unknown', title: 'There is no account of this name.', detail: otherNames(unknown, names) };
  };

  app.get('/healthz', (_request, response) => {
    response.type('text').send('ok\n');
  });

  app.get('/readyz', async (request, response) => {
    const wishes = wishesOf(request);
    if (wishes === undefined) {
      response.status(400).json({ code: 'query_malformed', title: '/readyz understands account=NAME, min-ready=NUMBER and store=optional.' });
      return;
    }
    const readiness = await view.readiness(wishes);
    if (readiness === undefined) {
      response.status(404).json(await noSuchAccount(wishes.accounts));
      return;
    }
    response.status(readiness.ready ? 200 : 503).json(readiness);
  });

  app.get('/metrics', async (request, response) => {
    const { contentType, text } = await view.metrics();
    response.type(contentType).vary('accept-encoding');
    if (request.acceptsEncodings('gzip', 'identity') !== 'gzip') {
      response.send(text);
      return;
    }
    response.setHeader('content-encoding', 'gzip');
    response.end(await zip(text));
  });

  app.get('/status', async (_request, response) => {
    response.json(await view.status());
  });

  app.post('/renew/:account', async (request: Request<{ account: string }>, response) => {
    const { account } = request.params;
    const address = request.socket.remoteAddress ?? 'unknown';
    const wait = pause.begin(account);
    if (wait > 0) {
      const seconds = Math.max(1, Math.ceil(wait / 1000));
      response.setHeader('retry-after', String(seconds));
      response.status(429).json({ code: 'renewed_just_now', title: `A renewal of this account by hand began less than 10 s ago; the next one may in ${seconds} s.` });
      return;
    }
    try {
      const renewed = await view.renew(account, { useReserve: request.query['reserve'] === 'true', login: request.query['login'] === 'true' });
      if (renewed === undefined) {
        pause.forget(account);
        response.status(404).json(await noSuchAccount([account]));
        return;
      }
      log.info(`an operator renewed ${account}`, { account, generation: renewed.generation, address });
      response.json({ account, ...renewed });
    } catch (error) {
      // No call was made: whoever is told of the reserve may ask for it at once.
      if (error instanceof TokenwardError && error.code === 'login_budget_exhausted') pause.forget(account);
      if (error instanceof TokenwardError) log.warn(`an operator tried to renew ${account}, and it did not work`, { account, code: error.code, address, ...(error.detail !== undefined && { detail: error.detail }) });
      throw error;
    }
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

/** Names of accounts told to somebody who has mistyped one. */
const NAMES_MOST = 10;

/** What an operator may have meant. */
function otherNames(asked: string, names: readonly string[]): string {
  const meant = nearest(asked, names);
  if (meant !== undefined) return `Did you mean "${meant}"?`;
  const more = names.length - NAMES_MOST;
  return `The accounts are ${names.slice(0, NAMES_MOST).join(', ')}${more > 0 ? ` and ${more} more` : ''}.`;
}

/** Undefined: the query is none of /readyz. */
function wishesOf({ query }: Request): ReadinessWishes | undefined {
  const { account, 'min-ready': least, store, ...others } = query;
  const accounts = account === undefined ? [] : [account].flat();
  const minReady = least === undefined ? undefined : typeof least === 'string' && /^\d{1,9}$/.test(least) ? Number(least) : NaN;
  const right = accounts.every((one) => typeof one === 'string') && !Number.isNaN(minReady) && (store === undefined || store === 'optional') && Object.keys(others).length === 0;
  return right ? { accounts, minReady, storeOptional: store === 'optional' } : undefined;
}

/** Express could not decode the path. */
function isMalformed(error: unknown): boolean {
  return error instanceof URIError;
}
