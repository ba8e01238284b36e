import { ClientDisconnected } from '../http/message.ts';
import { serveApiRequest } from './api-requests.ts';
import { reset, respond, type Exchange } from './exchange.ts';
import { pathOf } from './ledger.ts';
import type { Handler } from './listen.ts';
import { redactHeaders } from './redact.ts';
import { serveTokenRequest } from './token-requests.ts';
import type { Vendor } from './vendor.ts';

/** Serves the requests that arrive on one of a vendor's hosts, and keeps the ledger of them. */
export function serve(vendor: Vendor, service: string): Handler {
  const { dialect, ledger, names } = vendor;
  return (req, res, origin) => {
    const { method = '', url: target = '/' } = req;
    const path = pathOf(target);
    const isForTokens = method === 'POST' && service === (dialect.tokenService ?? service);
    const kind = (isForTokens ? dialect.tokenPaths.get(path) : undefined) ?? 'api';
    const access = dialect.accessSecret(req);
    const requestId = req.headers['x-request-id'];
    const entry = ledger.begin({
      vendor: dialect.name,
      service,
      kind,
      method,
      target,
      rawHeaders: redactHeaders(req.rawHeaders, names),
      tokenId: names.get(access ?? '') ?? null,
      requestId: typeof requestId === 'string' ? requestId : null,
    });
    const x: Exchange = { req, res, origin, path, query: target.slice(path.length + 1), entry, cutByUs: false };
    res.on('close', () => {
      if (!res.writableFinished && !x.cutByUs) entry.aborted = true;
      // Here and not where the reading fails, so that whoever sees the entry finished sees why.
      if (entry.outcome === 'pending' && entry.bodySha256 === null) entry.outcome = 'incomplete';
      ledger.finish(entry);
    });
    const work = kind === 'api' ? serveApiRequest(vendor, x, access) : serveTokenRequest(vendor, x, kind);
    work.catch((error: unknown) => {
      if (error instanceof ClientDisconnected) return;
      const what = error instanceof Error ? error.message : String(error);
      if (res.headersSent) reset(x);
      else respond(x, { status: 500, body: { sandboxFault: what } }, 'error', what);
    });
  };
}
