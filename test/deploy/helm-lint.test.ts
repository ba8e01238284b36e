import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { requireTool } from '../support/tools.ts';
import { CHART, nameOf, VALUE_FILES } from './chart.ts';

const run = promisify(execFile);

describe('helm lint', () => {
  for (const values of VALUE_FILES) {
    it(`has no complaint with ${nameOf(values)}`, async function () {
      const helm = requireTool(this, 'helm');
      await run(helm, [
        'lint',
        '--strict',
        '--kube-version',
        '1.31.0',
        CHART,
        ...(values === undefined ? [] : ['--values', values]),
      ]);
    });
  }
});
