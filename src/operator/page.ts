import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** The operator's page. */
export const PAGE = readFileSync(new URL('./page.html', import.meta.url), 'utf8');
/** Digests of the page's own scripts: no other script in it runs. */
const SCRIPTS = [...PAGE.matchAll(/<script>([\s\S]*?)<\/script>/g)]
  .map(([, text]) => `'sha256-${createHash('sha256').update(text!).digest('base64')}'`)
  .join(' ');

/** The content security policy of all responses of the operator port. */
export const PAGE_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; " +
  `script-src ${SCRIPTS}; connect-src 'self'; frame-ancestors 'none'`;
