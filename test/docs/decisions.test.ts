import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

const PAGE = readFileSync('docs/decisions.md', 'utf8');
/** The rows of its tables of packages: the package, and the files in which it works. */
const ROW = /^\| `([\w@/-]+)` \| ((?:`[^`]+`(?:, | and every other test)?)+) \|/gm;
const ROWS = [...PAGE.matchAll(ROW)].map(([, name, files]) => ({
  name: name!,
  files: [...files!.matchAll(/`([^`]+)`/g)].map(([, file]) => file!),
}));
type Listed = Record<'dependencies' | 'devDependencies', Record<string, string>>;
const PACKAGE = JSON.parse(readFileSync('package.json', 'utf8')) as Listed;

describe('docs/decisions.md', () => {
  it('has a row for every package of the product, and for those that were asked for', () => {
    const asked = ['express', 'http-proxy', 'lru-cache', 'prom-client', 'mocha', 'supertest'];
    const names = ROWS.map(({ name }) => name);
    const wanted = [...Object.keys(PACKAGE.dependencies), ...asked];
    assert.deepEqual(
      wanted.filter((name) => !names.includes(name)),
      [],
    );
  });

  it('names files that use the package', () => {
    assert.ok(ROWS.length > 10);
    for (const { name, files } of ROWS) {
      assert.ok(PACKAGE.dependencies[name] !== undefined || PACKAGE.devDependencies[name] !== undefined, name);
      // mocha's functions are global.
      const use = name === 'mocha' ? /\bdescribe\(/ : new RegExp(`['"]${name}['"]`);
      for (const file of files) assert.match(readFileSync(file, 'utf8'), use, `${file}: ${name}`);
    }
  });

  it('says rightly that http-proxy and undici are no part of the product', () => {
    for (const name of ['http-proxy', 'undici']) {
      assert.equal(PACKAGE.dependencies[name], undefined);
      assert.ok(PACKAGE.devDependencies[name] !== undefined);
    }
  });
});
