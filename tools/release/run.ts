import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { buildDeb } from './deb.ts';
import { lockedPackages } from './locked.ts';
import { notice } from './notice.ts';
import { packStaged, stagePackage } from './stage.ts';
import { versionProblems } from './version.ts';

/*
 * npm run release -- [--dry-run] [--out FOLDER]
 * Everything of a release: checks, package, Debian package, chart, list of parts (SBOM), checksums, image, tag. It
 * publishes nothing; it prints the commands that do. With --dry-run it makes the files, and neither image nor tag.
 */

const { values } = parseArgs({
  options: { 'dry-run': { type: 'boolean', default: false }, out: { type: 'string', default: 'release' } },
});
const isDry = values['dry-run'];
const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
const out = resolve(values.out);
const work = mkdtempSync(join(tmpdir(), 'tokenward-release-'));
const made: string[] = [];

try {
  const problems = versionProblems(version);
  if (readFileSync('NOTICE', 'utf8') !== notice()) problems.push('NOTICE is out of date: npm run notice');
  if (run('git', ['status', '--porcelain']) !== '')
    problems.push('the working tree has changes that are not committed');
  for (const problem of problems) say(isDry ? 'not yet' : 'error', problem);
  if (problems.length > 0 && !isDry) process.exit(1);
  // The time of the commit, so that two releases of it are the same bytes.
  process.env['SOURCE_DATE_EPOCH'] ??= run('git', ['log', '-1', '--format=%ct']).trim();

  mkdirSync(out, { recursive: true });
  const staged = join(work, 'package');
  mkdirSync(staged);
  stagePackage(staged);
  note(packStaged(staged, out));
  if (has('dpkg-deb')) note(buildDeb(staged, join(work, 'deb'), out, version));
  else say('skipped', 'the Debian package: dpkg-deb is not installed');
  const sbom = run('npm', ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only']);
  const parts = join(out, `tokenward-${version}.cdx.json`);
  writeFileSync(parts, reproducible(sbom, version));
  note(parts);
  if (has('helm')) {
    // In a folder of its own: npm and helm give their files the same name.
    const charts = join(out, 'chart');
    mkdirSync(charts, { recursive: true });
    run('helm', ['package', 'helm/tokenward', '--destination', charts]);
    note(join(charts, `tokenward-${version}.tgz`));
  } else say('skipped', 'the chart: helm is not installed');
  const sums = made.map((file) => `${sha256(file)}  ${relative(out, file)}\n`);
  writeFileSync(join(out, 'SHA256SUMS'), sums.join(''));

  const image = ['docker', 'build', '--file', 'deploy/docker/Dockerfile', '--tag', `tokenward:${version}`, '.'];
  const tag = ['git', 'tag', '--annotate', `v${version}`, '--message', `tokenward ${version}`];
  if (!isDry) {
    run(image[0]!, image.slice(1));
    run(tag[0]!, tag.slice(1));
  }
  const [tarball = ''] = made;
  say('next', `${isDry ? `${image.join(' ')}; ${tag.slice(0, 4).join(' ')}; ` : ''}npm publish ${tarball}`);
  process.stdout.write(`release: ${made.length} files in ${out}\n`);
} finally {
  rmSync(work, { recursive: true, force: true });
}

interface Sbom {
  readonly serialNumber?: string;
  readonly metadata: { timestamp: string; component: Record<string, unknown> };
  components: {
    readonly 'bom-ref': string;
    readonly group?: string;
    readonly name: string;
    readonly version: string;
  }[];
  dependencies: { readonly ref: string; dependsOn?: string[] }[];
}

/**
 * npm names the folder instead of the package, and adds the time and a random number. With `--omit dev` it also leaves
 * out what both tokenward and a package for development need, such as commander (npm 11.19), so the list is cut here.
 */
function reproducible(text: string, version: string): string {
  const { serialNumber: _, ...sbom } = JSON.parse(text) as Sbom;
  sbom.metadata.timestamp = new Date(Number(process.env['SOURCE_DATE_EPOCH']) * 1000).toISOString();
  sbom.metadata.component = { ...sbom.metadata.component, name: 'tokenward', version, type: 'application' };
  const shipped = new Set(lockedPackages().map((one) => `${one.name}@${one.version}`));
  sbom.components = sbom.components.filter(({ group, name, version: of }) =>
    shipped.has(`${group === undefined || name.startsWith('@') ? name : `${group}/${name}`}@${of}`),
  );
  const refs = new Set([...sbom.components.map((one) => one['bom-ref']), String(sbom.metadata.component['bom-ref'])]);
  sbom.dependencies = sbom.dependencies
    .filter(({ ref }) => refs.has(ref))
    .map((one) => (one.dependsOn ? { ...one, dependsOn: one.dependsOn.filter((ref) => refs.has(ref)) } : one));
  return `${JSON.stringify(sbom, null, 2)}\n`;
}

function note(file: string): void {
  made.push(file);
  say('made', `${basename(file)} (${Math.ceil(statSync(file).size / 1024)} KiB)`);
}

function say(what: string, text: string): void {
  process.stdout.write(`${what.padEnd(8)} ${text}\n`);
}

function run(command: string, args: readonly string[]): string {
  return execFileSync(command, [...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 64 * 1024 * 1024,
  });
}

function has(command: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${command}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function sha256(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}
