import type http from 'node:http';
import { z } from 'zod';
import { SiteGuard } from '../http/server/site-guard.ts';
import { isLoopback } from '../loopback.ts';
import { nearest } from '../nearest.ts';
import { HELPER_PATHS } from './helper-paths.ts';
import { parseFields, type Fields } from './json.ts';
import { REQUEST_KINDS, VENDORS, type Ledger } from './ledger.ts';
import type { Handler } from './listen.ts';
import { JSON_TYPE } from './response.ts';
import type { Sandbox } from './started.ts';
import { describeSettings, SettingError } from './settings.ts';
import type { Vendor } from './vendor.ts';

/** What a method does at a path: in the help's words, and to the sandbox or to one vendor. */
interface Route<T> {
  readonly does: string;
  readonly run: (target: T, req: http.IncomingMessage, query: URLSearchParams) => unknown;
}

type Routes<T> = Readonly<Record<string, Route<T>>>;

const SANDBOX_ROUTES: Routes<Sandbox> = {
  'GET /': { does: 'this text', run: help },
  'GET /ledger': {
    does: 'every request that arrived, oldest first; chosen by ?vendor=&kind=&since=&limit=, where `since` is a seq',
    run: ({ ledger }, _req, query) => readLedger(ledger, query),
  },
  'DELETE /ledger': {
    does: 'forget them',
    run: ({ ledger }) => {
      ledger.clear();
      return { ok: true };
    },
  },
};

/** Whatever they do, the response is the vendor's state afterwards. */
const VENDOR_ROUTES: Routes<Vendor> = {
  'GET /{vendor}': { does: 'state and settings of softline, chatapp or twin', run: () => undefined },
  'PATCH /{vendor}': {
    does: 'change settings, for example {"accessTtlSeconds": 5}',
    // The vendor checks names and values itself.
    run: async (vendor, req) => vendor.set(await readObject(req)),
  },
  'POST /{vendor}/expire': { does: 'the current access token has expired', run: (vendor) => vendor.expireCurrent() },
  'POST /{vendor}/revoke': { does: 'the current access token is invalid', run: (vendor) => vendor.revokeCurrent() },
  'POST /{vendor}/revoke-all': { does: 'every access token is invalid', run: (vendor) => vendor.revokeAll() },
  'POST /{vendor}/expire-refresh': {
    does: 'the current refresh token has expired (chatapp, twin)',
    run: (vendor) => vendor.expireRefresh(),
  },
  'POST /{vendor}/revoke-refresh': {
    does: 'the current refresh token is invalid (chatapp, twin)',
    run: (vendor) => vendor.revokeRefresh(),
  },
  'POST /{vendor}/reset': { does: 'default settings, no tokens, empty quota', run: (vendor) => vendor.reset() },
};

const BODY_LIMIT = 1_048_576;

const NUMBERS = 'since and limit are numbers';
const ledgerQuery = z.object({
  vendor: z.enum(VENDORS, `vendor is one of ${VENDORS.join(', ')}`).optional(),
  kind: z.enum(REQUEST_KINDS, `kind is one of ${REQUEST_KINDS.join(', ')}`).optional(),
  since: z.coerce.number(NUMBERS).min(0, NUMBERS).default(0),
  limit: z.coerce.number(NUMBERS).min(1, NUMBERS).default(1_000),
});

class ControlError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** The control API: the sandbox's own port, JSON in and out. */
export function controlHandler(sandbox: Sandbox): Handler {
  return (req, res) => {
    handle(sandbox, req).then(
      (body) => send(res, 200, body),
      (error: unknown) => {
        const status = error instanceof ControlError ? error.status : error instanceof SettingError ? 400 : 500;
        send(res, status, { error: error instanceof Error ? error.message : String(error) });
      },
    );
  };
}

async function handle(sandbox: Sandbox, req: http.IncomingMessage): Promise<unknown> {
  refuseForeignPages(req, sandbox.urls.control);
  const { pathname, searchParams } = new URL(req.url ?? '/', 'http://control');
  const [first = '', ...rest] = pathname.split('/').filter((part) => part !== '');
  const vendor = VENDORS.find((name) => name === first);
  if (vendor === undefined) {
    return routeAt(SANDBOX_ROUTES, req.method, `/${[first, ...rest].join('/')}`).run(sandbox, req, searchParams);
  }
  const path = ['/{vendor}', ...rest].join('/');
  await routeAt(VENDOR_ROUTES, req.method, path, vendor).run(sandbox[vendor], req, searchParams);
  return state(sandbox[vendor]);
}

function routeAt<T>(routes: Routes<T>, method = '', path: string, vendor = ''): Route<T> {
  const route = routes[`${method} ${path}`];
  if (route !== undefined) return route;
  const paths = Object.keys(routes).map((line) => line.slice(line.indexOf(' ') + 1));
  if (paths.includes(path)) throw new ControlError(405, `${method} is not possible here; GET / lists every call`);
  const meant = nearest(path, [...paths, ...VENDORS.map((name) => `/${name}`)]);
  const hint = meant === undefined ? '' : `did you mean ${meant}? `;
  throw new ControlError(404, `nothing at ${path}; ${hint}GET / lists every call`.replaceAll('{vendor}', vendor));
}

// A web page open in somebody's browser must not be able to drive the sandbox. On loopback no name is ours but
// `localhost`; elsewhere we do not know by which names clients know us.
function refuseForeignPages(req: http.IncomingMessage, origin: string): void {
  const ours = new URL(origin).hostname;
  const guard = new SiteGuard(isLoopback(ours) ? [] : ['*'], ours);
  const { host = '', origin: page, 'sec-fetch-site': site } = req.headers;
  if (guard.isCrossSite(host, page, typeof site === 'string' ? site : undefined)) {
    throw new ControlError(403, 'not from another site');
  }
  if (!guard.knowsHost(host)) throw new ControlError(403, `this sandbox is not called "${host}"`);
}

function state(vendor: Vendor): unknown {
  const current = vendor.currentToken();
  return {
    vendor: vendor.dialect.name,
    // No secrets: what is printed here ends up in terminals and bug reports.
    current: current === null ? null : { ...current, accessToken: undefined, refreshToken: undefined },
    pairsIssued: vendor.tokens.issued,
    quotaUsed: vendor.quotaUsed(),
    settings: vendor.settings,
  };
}

function readLedger(ledger: Ledger, query: URLSearchParams): unknown {
  const asked = ledgerQuery.safeParse(Object.fromEntries(query));
  if (!asked.success) throw new ControlError(400, asked.error.issues.map((issue) => issue.message).join('\n'));
  const { limit, ...filter } = asked.data;
  const found = ledger.entries(filter);
  const entries = found.slice(0, limit);
  return {
    entries,
    more: found.length > entries.length,
    // Give this as `since` to read on.
    last: entries.at(-1)?.seq ?? filter.since,
    open: ledger.open(),
  };
}

async function readObject(req: http.IncomingMessage): Promise<Fields> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of req as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > BODY_LIMIT) throw new ControlError(413, 'too long');
    chunks.push(chunk);
  }
  const fields = parseFields(Buffer.concat(chunks));
  if (fields === undefined) throw new ControlError(400, 'the body must be a JSON object: setting → value');
  return fields;
}

function help(sandbox: Sandbox): unknown {
  const routes = Object.entries<Route<never>>({ ...SANDBOX_ROUTES, ...VENDOR_ROUTES });
  return {
    what: 'tokenward sandbox: three vendors to try a proxy on',
    urls: sandbox.urls,
    credentials: sandbox.credentials,
    calls: Object.fromEntries(routes.map(([line, { does }]) => [line, does])),
    helperPaths: { 'below /v1/sandbox/ (twin: /api/v1/sandbox/), with a token': HELPER_PATHS },
    settings: Object.fromEntries(VENDORS.map((name) => [name, describeSettings(sandbox[name].schema)])),
  };
}

function send(res: http.ServerResponse, status: number, body: unknown): void {
  if (res.destroyed) return;
  res.writeHead(status, { 'content-type': JSON_TYPE, 'cache-control': 'no-store' });
  res.end(`${JSON.stringify(body, null, 2)}\n`);
}
