import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { blocksOf } from '../support/doc-page.ts';

const FOLDER = 'docs/ru';
const NAMES = readdirSync(FOLDER);
const PAGES = NAMES.filter((name) => name !== 'README.md');

/** The page of which one is a translation. */
function originalOf(name: string): string {
  const found = ['docs', 'docs/vendors'].map((folder) => join(folder, name)).find(existsSync);
  return found ?? assert.fail(`${name} translates no page`);
}

/** Comments are for readers, and are translated. */
const withoutComments = (text: string): string => text.replaceAll(/(?:^|\s+)#.*$/gm, '');

const prose = (page: string): string => readFileSync(page, 'utf8').replaceAll(/^```[\s\S]*?^```$/gm, '');

/** Of each heading its level, of each table its rows, of each list its items. */
function structureOf(page: string): string {
  return [...prose(page).matchAll(/^(#+ |\||- |\d+\. )/gm)].map(([start]) => start.trim()).join(' ');
}

/** Names, settings, numbers: whatever stands between backticks, in alphabetical order. */
function codeOf(page: string): string[] {
  return [...prose(page).matchAll(/`([^`]+)`/g)].map(([, code]) => code!.replaceAll(/\s+/g, ' ')).sort();
}

describe(FOLDER, () => {
  it('has these pages, and an index that lists each once', () => {
    assert.deepEqual(PAGES.sort(), ['chatapp.md', 'drop-in.md', 'getting-started.md', 'softline.md', 'twin.md']);
    const index = readFileSync(join(FOLDER, 'README.md'), 'utf8');
    for (const page of PAGES) assert.equal(index.split(`](${page})`).length, 2, page);
    assert.ok(index.includes('[In English](../README.md)'));
    assert.ok(readFileSync('docs/README.md', 'utf8').includes('[По-русски](ru/README.md)'));
  });

  for (const name of PAGES) {
    const [page, original] = [join(FOLDER, name), originalOf(name)];

    it(`${name}: shows the same commands, configurations and outputs as ${original}`, () => {
      const plain = (of: string): unknown =>
        blocksOf(of).map(({ language, text }) => ({ language, text: withoutComments(text) }));
      assert.deepEqual(plain(page), plain(original));
      assert.ok(blocksOf(page).length > 3);
    });

    it(`${name}: has the same parts, tables and lists, and names the same things`, () => {
      assert.equal(structureOf(page), structureOf(original));
      assert.deepEqual(codeOf(page), codeOf(original));
    });

    it(`${name}: links to the other language at its top, and is linked from there`, () => {
      const top = (of: string): string => readFileSync(of, 'utf8').split('\n').slice(0, 4).join('\n');
      const inside = original.slice('docs/'.length);
      assert.ok(top(page).includes(`[In English](../${inside})`), top(page));
      const back = inside.includes('/') ? `../ru/${name}` : `ru/${name}`;
      assert.ok(top(original).includes(`[По-русски](${back})`), top(original));
    });
  }
});
