import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import { requireTool } from '../support/tools.ts';
import { DASHBOARD, dashboardQueries } from './dashboard.ts';

const run = promisify(execFile);

describe('the dashboard', () => {
  it('asks for its data source, account and route, and fixes none', () => {
    assert.deepEqual(
      DASHBOARD.templating.list.map(({ name }) => name),
      ['datasource', 'account', 'route'],
    );
    for (const panel of DASHBOARD.panels)
      for (const { datasource } of panel.targets ?? []) assert.equal(datasource.uid, '${datasource}', panel.title);
  });

  it('explains every panel', () => {
    for (const { type, title, description } of DASHBOARD.panels)
      if (type !== 'row') assert.ok((description ?? '').length > 5, title);
  });

  it('has panels that neither share an id nor lie on each other', () => {
    const taken = new Map<string, string>();
    assert.equal(new Set(DASHBOARD.panels.map(({ id }) => id)).size, DASHBOARD.panels.length);
    for (const {
      title,
      gridPos: { x, y, w, h },
    } of DASHBOARD.panels) {
      assert.ok(x + w <= 24, title);
      for (let column = x; column < x + w; column += 1) {
        for (let line = y; line < y + h; line += 1) {
          assert.equal(taken.get(`${column},${line}`), undefined, title);
          taken.set(`${column},${line}`, title);
        }
      }
    }
  });

  it('asks in valid PromQL', async function () {
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
