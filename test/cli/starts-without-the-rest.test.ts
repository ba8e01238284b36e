import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { freshFolder } from '../support/files.ts';
import { run } from '../support/process.ts';
import { requireBuild } from '../support/tools.ts';

/** Packages that help, versions and completion have no use for. */
const HEAVY = /node_modules\/(express|lmdb|redis|pino|zod|yaml|prom-client|jose|oauth4webapi|@peculiar)\//;

describe('a command that needs nothing', () => {
  const folder = freshFolder();

  for (const args of [['--version'], ['--help'], ['check', '--help'], ['completion', 'bash'], ['serve', '--prot']]) {
    it(`loads nothing of the others: tokenward ${args.join(' ')}`, async function () {
      requireBuild(this);
      // A hook of the loader notes every module.
      const list = join(folder(), 'modules');
      const hook = join(folder(), 'hook.mjs');
      writeFileSync(
        hook,
        `import { register } from 'node:module';
import { appendFileSync } from 'node:fs';
register('data:text/javascript,' + encodeURIComponent(\`
  import { appendFileSync } from 'node:fs';
  export async function load(url, context, next) {
    appendFileSync(${JSON.stringify(list)}, url + String.fromCharCode(10));
    return next(url, context);
  }
\`));
appendFileSync(${JSON.stringify(list)}, '');
`,
      );
      const { code } = await run(args, { env: { NODE_OPTIONS: `--import=${pathToFileURL(hook).href}` } });
      assert.equal(code, args[0] === 'serve' ? 2 : 0);
      const { readFileSync } = await import('node:fs');
      const modules = readFileSync(list, 'utf8').split('\n');
      assert.ok(
        modules.some((url) => url.endsWith('/dist/cli/commands/check.js')),
        'the hook notes modules',
      );
      assert.deepEqual(
        modules.filter((url) => HEAVY.test(url) || url.endsWith('/dist/cli/serve.js')),
        [],
      );
    });
  }
});
