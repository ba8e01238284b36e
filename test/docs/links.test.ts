import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

const PAGES = [
  'README.md',
  'SECURITY.md',
  'CHANGELOG.md',
  'deploy/README.md',
  'bench/README.md',
  'docs/recipes/README.md',
  ...['docs', 'docs/runbooks'].flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.md'))
      .map((name) => join(folder, name)),
  ),
];

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

describe('links in the documentation', () => {
  for (const page of PAGES) {
    it(`${page}: lead to files and headings that exist`, () => {
      const text = prose(page);
      const links = [
        ...[...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!),
        ...[...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link!),
      ].filter((link) => !/^[a-z]+:/.test(link));
      const broken = links.filter((link) => {
        const [path, anchor] = link.split('#') as [string, string | undefined];
        const file = path === '' ? page : join(dirname(page), path);
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

  it('docs/README.md lists every page of docs/ once', () => {
    const index = readFileSync('docs/README.md', 'utf8');
    // docs/alerts.md leads to each runbook.
    const own = (page: string): boolean =>
      page.startsWith('docs/') && !/^docs\/(README|runbooks\/Tokenward.*)\.md$/.test(page);
    for (const page of PAGES.filter(own)) {
      assert.equal(index.split(`](${page.slice('docs/'.length)})`).length, 2, page);
    }
  });
});
