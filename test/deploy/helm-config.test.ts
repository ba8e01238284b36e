import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { requireBuild } from '../support/tools.ts';
import { nameOf, render, renderedConfig, VALUE_FILES } from './chart.ts';
import { asInPod } from './in-pod.ts';

const run = promisify(execFile);

describe('the configuration the chart renders', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tokenward-chart-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  for (const values of VALUE_FILES) {
    it(`passes tokenward check with ${nameOf(values)}`, async function () {
      const program = requireBuild(this);
      const text = renderedConfig((await render(this, values)).manifests);
      const known = (await run(process.execPath, [program, 'schema'], { maxBuffer: 16 * 1024 ** 2 })).stdout;
      if (text.includes('type: redis') && !known.includes('"redis"')) {
        this.runnable().title += ' (skipped: this version has no redis store)';
        this.skip();
      }
      const { file, environment } = asInPod(text, folder);
      await run(process.execPath, [program, 'check', '-c', file], {
        env: { PATH: process.env['PATH'], ...environment },
      });
    });
  }

  it("is the values' own YAML, numbers and all", async function () {
    const { manifests } = await render(this, undefined, 'config.limits={"bufferedBytes":134217728}');
    const config = parse(renderedConfig(manifests)) as { limits: unknown; listen: unknown };
    assert.deepEqual(config.limits, { bufferedBytes: 134_217_728 });
    assert.match(renderedConfig(manifests), /bufferedBytes: 134217728$/m);
    assert.deepEqual(Object.keys(config.listen as object).sort(), ['host', 'hosts', 'port']);
  });

  it("drops the defaults which the user's values replace", async function () {
    const full = parse(renderedConfig((await render(this, 'test/deploy/values/full.yaml')).manifests)) as {
      accounts: object;
      allowAnonymous?: boolean;
    };
    assert.deepEqual(Object.keys(full.accounts).sort(), ['crm', 'softline']);
    assert.equal(full.allowAnonymous, undefined);

    const redis = parse(renderedConfig((await render(this, 'test/deploy/values/redis.yaml')).manifests)) as {
      store: object;
    };
    assert.deepEqual(Object.keys(redis.store).sort(), ['key', 'type', 'url']);
  });
});
