import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** The page that operators see. */
export const PAGE = readFileSync(new URL('./page.html', import.meta.url), 'utf8');
/** The page's own scripts by their digests: whatever else gets into the page does not run. */
const SCRIPTS = [...PAGE.matchAll(/<script>([\s\S]*?)<\/script>/g)]
  .map(([, text]) => `'sha256-${createHash('sha256').update(text!).digest('base64')}'`)
  .join(' ');

/** The content security policy of everything the operator port answers. */
export const PAGE_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; " +
  `script-src ${SCRIPTS}; connect-src 'self'; frame-ancestors 'none'`;
