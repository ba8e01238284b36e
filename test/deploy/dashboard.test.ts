import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import { dashboardFiles } from '../../tools/dashboards/files.ts';
import { requireTool } from '../support/tools.ts';
import { DASHBOARDS, dashboardQueries, FOLDER } from './dashboard.ts';

const run = promisify(execFile);
const UIDS = new Set([...DASHBOARDS.values()].map(({ uid }) => uid));
const VARIABLES = ['datasource', 'job', 'namespace', 'instance', 'account', 'route'];

describe('the dashboards', () => {
  it('are what the code makes: npm run dashboards writes them', () => {
    assert.deepEqual(
      [...dashboardFiles().keys()].sort(),
      [...DASHBOARDS.keys()].map((name) => `${FOLDER}/${name}`),
    );
    for (const [path, text] of dashboardFiles()) assert.equal(readFileSync(path, 'utf8'), text, path);
  });

  it('have the addresses that bookmarks hold', () => {
    assert.deepEqual([...UIDS].sort(), ['tokenward', 'tokenward-account', 'tokenward-route']);
  });

  for (const [file, { uid, panels, templating, annotations, links }] of DASHBOARDS) {
    describe(file, () => {
      it('asks for its data source, job, namespace, instance, account and route, and fixes none', () => {
        assert.deepEqual(
          templating.list.map(({ name }) => name),
          VARIABLES,
        );
        for (const { targets, title } of panels)
          for (const { datasource } of targets ?? []) assert.equal(datasource.uid, '${datasource}', title);
        for (const { datasource, name } of annotations.list) assert.equal(datasource.uid, '${datasource}', name);
      });

      it('marks renewals, restarts and reloads', () => {
        assert.deepEqual(
          annotations.list.map(({ name }) => name),
          ['Renewals', 'Restarts', 'Reloads', 'Failed reloads'],
        );
      });

      it('leads to both others, with what is chosen and the time', () => {
        assert.deepEqual(
          links.map(({ url }) => url).sort(),
          [...UIDS]
            .filter((one) => one !== uid)
            .map((one) => `/d/${one}`)
            .sort(),
        );
        for (const { includeVars, keepTime } of links) assert.ok(includeVars && keepTime);
      });

      it('leads from a series to the dashboard of its account or route, with what is chosen', () => {
        const urls = panels.flatMap(({ fieldConfig }) => fieldConfig?.defaults.links ?? []).map(({ url }) => url);
        assert.ok(urls.length > 0);
        for (const url of urls) {
          const [, target, variable, label] = /^\/d\/([\w-]+)\?var-(\w+)=\$\{__field\.labels\.(\w+)\}&/.exec(url)!;
          assert.ok(UIDS.has(target!), url);
          assert.equal(target, `tokenward-${variable!}`);
          assert.equal(variable, label);
          for (const name of ['datasource', 'job', 'namespace', 'instance'])
            assert.ok(url.includes(`\${${name}:queryparam}`), url);
          assert.ok(url.includes('${__url_time_range}'));
        }
      });

      it('explains every panel, and says what an empty one means', () => {
        for (const { type, title, description, fieldConfig } of panels) {
          if (type === 'row') continue;
          assert.ok((description ?? '').length > 5, title);
          if (type !== 'table') assert.ok((fieldConfig?.defaults.noValue ?? '0') !== '', title);
        }
      });

      it('has a table as the legend of every graph', () => {
        for (const { type, title, options } of panels)
          if (type === 'timeseries') {
            assert.equal(options?.legend?.displayMode, 'table', title);
            assert.ok(options.legend.calcs.length > 1, title);
          }
      });

      it('has panels that neither share an id nor lie on each other', () => {
        const taken = new Map<string, string>();
        assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
        for (const {
          title,
          gridPos: { x, y, w, h },
        } of panels) {
          assert.ok(x + w <= 24, title);
          for (let column = x; column < x + w; column += 1) {
            for (let line = y; line < y + h; line += 1) {
              assert.equal(taken.get(`${column},${line}`), undefined, title);
              taken.set(`${column},${line}`, title);
            }
          }
        }
      });
    });
  }

  it('ask in valid PromQL', async function () {
    const promtool = requireTool(this, 'promtool');
    const folder = mkdtempSync(join(tmpdir(), 'tokenward-dashboard-'));
    try {
      const rules = dashboardQueries().map(({ expr }, index) => ({ record: `query:${index}`, expr }));
      writeFileSync(join(folder, 'rules.yaml'), stringify({ groups: [{ name: 'dashboard', rules }] }));
      await run(promtool, ['check', 'rules', '--lint=none', join(folder, 'rules.yaml')]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
