import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Every page of the repository: a folder that is not ours, or is made, has none. */
const NOT_OURS = /^(node_modules|dist|\.mutation|\.git)\b|^bench\/results\b/;
const PAGES = (readdirSync('.', { recursive: true }) as string[])
  .filter((name) => name.endsWith('.md') && !NOT_OURS.test(name))
  .sort();

/** A page's text without code, where brackets mean something else. */
const prose = (page: string): string => withoutBlocks(page).replaceAll(/`[^`\n]*`/g, 'code');
const withoutBlocks = (page: string): string => readFileSync(page, 'utf8').replaceAll(/```[\s\S]*?```/g, '');

/** The anchors that GitHub makes of a page's headings. */
function anchorsOf(page: string): Set<string> {
  const headings = [...withoutBlocks(page).matchAll(/^#+ (.+)$/gm)].map(([, text]) => text!);
  return new Set(
    headings.map((text) =>
      text
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}

/** The links of a page that stay in the repository. */
function linksOf(page: string): { readonly file: string; readonly anchor: string | undefined }[] {
  const text = prose(page);
  return [
    ...[...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!),
    ...[...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link!),
  ]
    .filter((link) => !/^[a-z]+:/.test(link))
    .map((link) => {
      const [path, anchor] = link.split('#') as [string, string | undefined];
      return { file: path === '' ? page : join(dirname(page), path), anchor };
    });
}

describe('links in the documentation', () => {
  for (const page of PAGES) {
    it(`${page}: lead to files and headings that exist`, () => {
      const broken = linksOf(page).filter(({ file, anchor }) => {
        if (!existsSync(file)) return true;
        return anchor !== undefined && (!statSync(file).isFile() || !anchorsOf(file).has(anchor));
      });
      assert.deepEqual(broken, []);
    });
  }

  it('files and folders of tests that a page names exist', () => {
    const named = PAGES.flatMap((page) => [...readFileSync(page, 'utf8').matchAll(/`(test\/[\w./-]+)`/g)]);
    assert.ok(named.length > 10);
    assert.deepEqual(
      named.map(([, path]) => path!).filter((path) => !existsSync(path)),
      [],
    );
  });

  it('docs/README.md lists every page of its own folder once, and leads to all others below it', () => {
    const index = readFileSync('docs/README.md', 'utf8');
    const below = PAGES.filter((page) => page.startsWith('docs/') && page !== 'docs/README.md');
    for (const page of below.filter((one) => one.split('/').length === 2))
      assert.equal(index.split(`](${page.slice('docs/'.length)})`).length, 2, page);
    const found = new Set(['docs/README.md']);
    for (const page of found)
      for (const { file } of linksOf(page).filter((link) => link.file.endsWith('.md') && existsSync(link.file)))
        found.add(file);
    assert.deepEqual(
      below.filter((page) => !found.has(page)),
      [],
    );
  });

  it('the README leads to the pages with which somebody begins', () => {
    const files = linksOf('README.md').map(({ file }) => file);
    for (const page of ['getting-started', 'write-a-flow', 'troubleshooting', 'upgrading', 'sizing', 'ru/README'])
      assert.ok(files.includes(`docs/${page}.md`), page);
  });
});
