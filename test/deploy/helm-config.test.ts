import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { mountAsKubelet } from '../support/kubelet-mount.ts';
import { requireBuild } from '../support/tools.ts';
import { nameOf, render, renderedConfig, VALUE_FILES } from './chart.ts';

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
      // What the pod would get from its Secrets: every variable, and every file in another place.
      const environment = Object.fromEntries(
        [...text.matchAll(/\$\{([A-Z][A-Z0-9_]*)\}/g)].map(([, name]) => [name!, standIn(name!)]),
      );
      const file = join(folder, 'proxy.config.yaml');
      for (const place of ['secrets', 'accounts', 'jwks']) mkdirSync(join(folder, place));
      for (const [, name] of text.matchAll(/\$\{file:\/etc\/tokenward\/secrets\/([^}]+)\}/g))
        writeFileSync(join(folder, 'secrets', name!), standIn(name!));
      writeFileSync(join(folder, 'jwks', 'jwks.json'), '{ "keys": [] }');
      mountAsKubelet(join(folder, 'accounts'), {
        'more.yaml': '{ more: { flow: static, credentials: { token: t } } }',
      });
      writeFileSync(file, text.replaceAll('/etc/tokenward/', `${folder}/`));

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

function standIn(name: string): string {
  if (/key$/i.test(name)) return Buffer.alloc(32, 7).toString('base64');
  return /url$/i.test(name) ? 'redis://redis:6379' : 'stand-in';
}
