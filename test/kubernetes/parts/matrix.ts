import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { asInPod } from '../../deploy/in-pod.ts';
import { rendered } from '../chart.ts';
import type { Part } from '../part.ts';
import { VARIANTS, type Variant } from '../variants.ts';

const run = promisify(execFile);

/** Each is a start of the program, most of which is waiting for its files. */
const AT_ONCE = 3;

/** `tokenward check` on the configuration of every set of values, by the built program. */
export const matrix: Part = {
  name: 'matrix',
  async run(tally) {
    const left = [...VARIANTS];
    let configurations = 0;
    const one = async (): Promise<void> => {
      for (let variant = left.shift(); variant !== undefined; variant = left.shift()) {
        const config = configOf(variant);
        // With a ConfigMap of the user's own the chart makes none.
        if (config === undefined) {
          tally.equal(`${variant.name}: no configuration`, variant.settings.join(' '), 'existingConfigMap="9"');
          continue;
        }
        configurations += 1;
        tally.count(`${variant.name}: tokenward check`, await mistakesIn(config));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, one));
    return `${VARIANTS.length} sets of values, ${configurations} configurations checked`;
  },
};

function configOf({ values, settings }: Variant): string | undefined {
  return rendered(values, ...settings)
    .map(({ kind, data }) => (kind === 'ConfigMap' ? data?.['proxy.config.yaml'] : undefined))
    .find((text) => text !== undefined);
}

/** What the program says against a configuration; undefined: nothing. */
async function mistakesIn(config: string): Promise<string | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'tokenward-matrix-'));
  try {
    const { file, environment } = asInPod(config, folder);
    const env = { PATH: process.env['PATH'], NODE_NO_WARNINGS: '1', ...environment };
    await run(process.execPath, [resolve('dist/main.js'), 'check', '-c', file], { env });
    return undefined;
  } catch (error) {
    const { stderr, message } = error as { stderr?: string; message: string };
    return (stderr ?? message).trim().slice(0, 600);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
