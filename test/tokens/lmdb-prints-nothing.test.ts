import assert from 'node:assert/strict';

type Module = typeof import('../../src/tokens/stores/lmdb-console.ts');

describe('what LMDB prints of an error that it also rejects with', () => {
  const { error: print } = console;
  let printed: unknown[][];
  beforeEach(async () => {
    printed = [];
    console.error = (...args: unknown[]) => void printed.push(args);
    // A module of its own: the program's may have been used by another test.
    const own = `../../src/tokens/stores/lmdb-console.ts?own=${Math.random()}`;
    const { keepLmdbOffTheConsole } = (await import(own)) as Module;
    keepLmdbOffTheConsole();
  });
  afterEach(() => {
    console.error = print;
  });
  it('is kept back once, however often it is asked for', async () => {
    const own = `../../src/tokens/stores/lmdb-console.ts?own=${Math.random()}`;
    const { keepLmdbOffTheConsole } = (await import(own)) as Module;
    keepLmdbOffTheConsole();
    const wrapped = console.error;
    keepLmdbOffTheConsole();
    assert.equal(console.error, wrapped);
  });

  const thrownIn = (stack: string | undefined): Error => Object.assign(new Error('x'), { stack });

  for (const stack of ['Error: x\n at /app/node_modules/lmdb/write.js:1', 'at C:\\app\\node_modules\\lmdb\\write.js']) {
    it(`does not reach standard error: ${JSON.stringify(stack)}`, () => {
      console.error(thrownIn(stack));
      assert.deepEqual(printed, []);
    });
  }

  for (const [name, args] of [
    ['a text', ['at /app/node_modules/lmdb/write.js']],
    ['two texts', ['a', 'b']],
    ['an error of other code', [thrownIn('at /app/dist/main.js')]],
    ['an error of another package', [thrownIn('at /app/node_modules/lmdb-store/write.js')]],
    ['an error of a folder with such a name', [thrownIn('at /app/my_node_modules/lmdb/write.js')]],
    ['an error of a package with such an ending', [thrownIn('at /app/node_modules/x-lmdb/write.js')]],
    ['an error without a stack', [thrownIn(undefined)]],
    ['an object that is no error', [{ stack: 'at /app/node_modules/lmdb/write.js' }]],
    ['such an error with words of its own', [thrownIn('at /app/node_modules/lmdb/write.js'), 'more']],
    ['nothing', []],
  ] as const) {
    it(`is told from ${name}, which does`, () => {
      console.error(...args);
      assert.deepEqual(printed, [[...args]]);
    });
  }
});
