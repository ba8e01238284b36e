import { readFileSync } from 'node:fs';

interface PageFile {
  readonly type: string;
  readonly content: Buffer;
}

/** The files of the operator's page, by the path under which they are served. No build: they are as written. */
export const PAGE_FILES: ReadonlyMap<string, PageFile> = new Map(
  (
    [
      ['/', 'html', 'page.html'],
      ['/page.css', 'css', 'page.css'],
      ['/favicon.svg', 'svg', 'favicon.svg'],
      ['/favicon-trouble.svg', 'svg', 'favicon-trouble.svg'],
      ...['main', 'accounts', 'actions', 'charts', 'dom', 'format', 'incidents', 'live', 'panels', 'routes'].map(
        (name) => [`/page/${name}.js`, 'js', `${name}.js`],
      ),
    ] as [path: string, type: string, file: string][]
  ).map(([path, type, file]) => [path, { type, content: readFileSync(new URL(`./page/${file}`, import.meta.url)) }]),
);

/**
 * The content security policy of all responses of the operator port. Only the page's own files are loaded, no script
 * or style within the document runs, and none of its scripts can turn a text into markup.
 */
export const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; frame-ancestors 'none'";
