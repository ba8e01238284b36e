import type http from 'node:http';
import { z } from 'zod';
import { SiteGuard } from '../http/server/site-guard.ts';
import { isLoopback } from '../loopback.ts';
import { nearest } from '../nearest.ts';
import { parseFields, type Fields } from './json.ts';
import { HELPER_PATHS } from './helper-paths.ts';
import { describeSettings, SettingError } from './settings.ts';
import { REQUEST_KINDS, VENDORS, type Ledger, type VendorName } from './ledger.ts';
import type { Handler } from './listen.ts';
import type { SandboxParts, SandboxUrls } from './parts.ts';

/** The vendors' own origins. */
type VendorUrls = Omit<SandboxUrls, 'control'>;

type AnyVendor = SandboxParts[VendorName];

const BODY_LIMIT = 1_048_576;
const LEDGER_PAGE = 1_000;

const NUMBERS = 'since and limit are numbers';
const ledgerQuery = z.object({
  vendor: z.enum(VENDORS, `vendor is one of ${VENDORS.join(', ')}`).optional(),
  kind: z.enum(REQUEST_KINDS, `kind is one of ${REQUEST_KINDS.join(', ')}`).optional(),
  since: z.coerce.number(NUMBERS).min(0, NUMBERS).default(0),
  limit: z.coerce.number(NUMBERS).min(1, NUMBERS).default(LEDGER_PAGE),
});

const ACTIONS: Readonly<Record<string, { does: string; act: (vendor: AnyVendor) => void }>> = {
  expire: { does: 'the current access token has expired', act: (vendor) => vendor.expireCurrent() },
  revoke: { does: 'the current access token is invalid', act: (vendor) => vendor.revokeCurrent() },
  'revoke-all': { does: 'every access token is invalid', act: (vendor) => vendor.revokeAll() },
  'expire-refresh': {
    does: 'the current refresh token has expired (chatapp, twin)',
    act: (vendor) => vendor.expireRefresh(),
  },
  'revoke-refresh': {
    does: 'the current refresh token is invalid (chatapp, twin)',
    act: (vendor) => vendor.revokeRefresh(),
  },
  reset: { does: 'default settings, no tokens, empty quota', act: (vendor) => vendor.reset() },
};

class ControlError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** The control API: the sandbox's own port, JSON in and out. */
export function controlHandler(parts: SandboxParts, urls: VendorUrls): Handler {
  return (req, res, origin) => {
    answer(parts, urls, req, origin).then(
      (body) => send(res, 200, body),
      (error: unknown) => {
        const known = error instanceof ControlError ? error.status : error instanceof SettingError ? 400 : 500;
        send(res, known, { error: error instanceof Error ? error.message : String(error) });
      },
    );
  };
}

async function answer(
  parts: SandboxParts,
  urls: VendorUrls,
  req: http.IncomingMessage,
  origin: string,
): Promise<unknown> {
  refuseForeignPages(req, origin);
  const url = new URL(req.url ?? '/', 'http://control');
  const [first, second, ...rest] = url.pathname.split('/').filter((part) => part !== '');
  const method = req.method ?? '';
  if (rest.length > 0) throw new ControlError(404, `nothing at ${url.pathname}; GET / lists every call`);

  if (first === undefined) {
    if (method === 'GET') return help(parts, { control: origin, ...urls });
  } else if (first === 'ledger' && second === undefined) {
    if (method === 'GET') return readLedger(parts.ledger, url.searchParams);
    if (method === 'DELETE') {
      parts.ledger.clear();
      return { ok: true };
    }
  } else {
    const vendor = vendorNamed(parts, first);
    const act = second === undefined ? undefined : actionNamed(second);
    if (act === undefined && method === 'GET') return state(vendor);
    if (act === undefined && method === 'PATCH') {
      // The vendor checks names and values itself.
      vendor.set(await readObject(req));
      return state(vendor);
    }
    if (act !== undefined && method === 'POST') {
      act(vendor);
      return state(vendor);
    }
  }
  throw new ControlError(405, `${method} is not possible here; GET / lists every call`);
}

// A web page open in somebody's browser must not be able to drive the sandbox. On loopback no name is ours but
// `localhost`; elsewhere we do not know by which names we are called.
function refuseForeignPages(req: http.IncomingMessage, origin: string): void {
  const ours = new URL(origin).hostname;
  const guard = new SiteGuard(isLoopback(ours) ? [] : ['*'], ours);
  const { host = '', origin: page, 'sec-fetch-site': site } = req.headers;
  if (guard.isCrossSite(host, page, typeof site === 'string' ? site : undefined)) {
    throw new ControlError(403, 'not from another site');
  }
  if (!guard.knowsHost(host)) throw new ControlError(403, `this sandbox is not called "${host}"`);
}

function vendorNamed(parts: SandboxParts, name: string): AnyVendor {
  const known = VENDORS.find((vendor) => vendor === name);
  if (known !== undefined) return parts[known];
  throw new ControlError(404, `nothing called "${name}"; there are ${VENDORS.join(', ')} and ledger`);
}

function actionNamed(name: string): (vendor: AnyVendor) => void {
  const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
  if (action !== undefined) return action.act;
  const actions = Object.keys(ACTIONS);
  const meant = nearest(name, actions);
  const hint = meant === undefined ? `there are ${actions.join(', ')}` : `did you mean "${meant}"?`;
  throw new ControlError(404, `no action "${name}"; ${hint}`);
}

function state(vendor: AnyVendor): unknown {
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

function help(parts: SandboxParts, urls: SandboxUrls): unknown {
  return {
    what: 'tokenward sandbox: three vendors to try a proxy on',
    urls,
    credentials: parts.credentials,
    calls: {
      'GET /': 'this text',
      'GET /ledger?vendor=&kind=&since=&limit=': 'every call that arrived, oldest first; `since` is a seq',
      'DELETE /ledger': 'forget them',
      'GET /{vendor}': 'state and settings of softline, chatapp or twin',
      'PATCH /{vendor}': 'change settings, for example {"accessTtlSeconds": 5}',
      ...Object.fromEntries(Object.entries(ACTIONS).map(([name, { does }]) => [`POST /{vendor}/${name}`, does])),
    },
    helperPaths: { 'below /v1/sandbox/ (twin: /api/v1/sandbox/), with a token': HELPER_PATHS },
    settings: Object.fromEntries(VENDORS.map((name) => [name, describeSettings(parts[name].schema)])),
  };
}

function send(res: http.ServerResponse, status: number, body: unknown): void {
  if (res.destroyed) return;
  res.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' });
  res.end(`${JSON.stringify(body, null, 2)}\n`);
}
