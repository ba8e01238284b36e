import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { lockedPackages } from './locked.ts';

interface Component {
  readonly 'bom-ref': string;
  readonly type: string;
  readonly group?: string;
  readonly name: string;
  readonly version: string;
  readonly purl?: string;
}

interface Sbom {
  readonly serialNumber?: string;
  readonly metadata: { timestamp: string; component: Record<string, unknown> };
  components: Component[];
  dependencies: { readonly ref: string; dependsOn?: string[] }[];
}

/**
 * The list of parts (CycloneDX, JSON) of the package in the working folder. npm names the folder instead of the
 * package, and adds the time and a random number; here the time is `SOURCE_DATE_EPOCH`. With `--omit dev` npm also
 * leaves out what both tokenward and a package for development need, such as commander (npm 11.19), so the list is cut
 * here.
 * `others`: parts that are not from npm.
 */
export function sbom(others: readonly Component[] = []): string {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  const { serialNumber: _, ...document } = JSON.parse(
    execFileSync('npm', ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
      maxBuffer: 64 * 1024 * 1024,
    }),
  ) as Sbom;
  document.metadata.timestamp = new Date(Number(process.env['SOURCE_DATE_EPOCH'] ?? 0) * 1000).toISOString();
  document.metadata.component = { ...document.metadata.component, name: 'tokenward', version, type: 'application' };
  const shipped = new Set(lockedPackages().map((one) => `${one.name}@${one.version}`));
  const packages = document.components.filter(({ group, name, version: of }) =>
    shipped.has(`${group === undefined || name.startsWith('@') ? name : `${group}/${name}`}@${of}`),
  );
  document.components = [...packages, ...others];
  const refs = new Set([
    ...document.components.map((one) => one['bom-ref']),
    String(document.metadata.component['bom-ref']),
  ]);
  document.dependencies = document.dependencies
    .filter(({ ref }) => refs.has(ref))
    .map((one) => (one.dependsOn ? { ...one, dependsOn: one.dependsOn.filter((ref) => refs.has(ref)) } : one));
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** What the image holds besides the package: this Node, and Debian packages by their dpkg status, one file each. */
function imageParts(statusFolder: string): Component[] {
  const node = process.versions.node;
  const debian = readdirSync(statusFolder)
    .sort()
    .map((name) => {
      const status = readFileSync(join(statusFolder, name), 'utf8');
      const field = (key: string): string => new RegExp(`^${key}: (.*)$`, 'm').exec(status)?.[1] ?? '';
      return component('library', name, field('Version'), `deb/debian/${name}`, `?arch=${field('Architecture')}`);
    });
  return [component('application', 'node', node, 'generic/node', ''), ...debian];
}

function component(type: string, name: string, version: string, path: string, qualifiers: string): Component {
  const purl = `pkg:${path}@${encodeURIComponent(version)}${qualifiers}`;
  return { 'bom-ref': purl, type, name, version, purl };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { debian: { type: 'string' } } });
  process.stdout.write(sbom(values.debian === undefined ? [] : imageParts(values.debian)));
}
