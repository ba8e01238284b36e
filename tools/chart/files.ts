import { readdirSync, readFileSync } from 'node:fs';
import { stringify } from 'yaml';
import { flowHosts } from './flow-hosts.ts';
import { firstComment, readme, valuesOf } from './readme.ts';

const CHART = 'helm/tokenward';

/**
 * The files of the chart that are made from others, with their texts. Copies, not symbolic links: Helm warns of those,
 * and a checkout on Windows turns them into texts.
 */
export function chartFiles(): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  files.set(`${CHART}/files/alerts.yaml`, readFileSync('deploy/prometheus/alerts.yaml', 'utf8'));
  for (const name of readdirSync('deploy/grafana').filter((name) => name.endsWith('.json')))
    files.set(`${CHART}/files/dashboards/${name}`, readFileSync(`deploy/grafana/${name}`, 'utf8'));
  files.set(
    `${CHART}/files/flow-hosts.yaml`,
    `# Made from the presets and recipes by: npm run chart\n${stringify(Object.fromEntries(flowHosts()))}`,
  );
  files.set(`${CHART}/README.md`, readme(valuesOf(readFileSync(`${CHART}/values.yaml`, 'utf8')), examples()));
  return files;
}

/** The ready-made values and manifests, with what each is for. */
export function examples(): readonly (readonly [string, string])[] {
  return ['ci', 'examples'].flatMap((folder) =>
    listed(`${CHART}/${folder}`).map((name): readonly [string, string] => [
      `${folder}/${name}`,
      firstComment(`${CHART}/${folder}/${name}`),
    ]),
  );
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith('.yaml'))
      .sort();
  } catch {
    return [];
  }
}
