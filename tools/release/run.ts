import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { packChart } from './chart.ts';
import { buildDeb } from './deb.ts';
import { notice } from './notice.ts';
import { sbom } from './sbom.ts';
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
  const parts = join(out, `tokenward-${version}.cdx.json`);
  writeFileSync(parts, sbom());
  note(parts);
  // In a folder of its own: npm and helm give their files the same name.
  if (has('helm')) note(packChart(join(work, 'chart'), join(out, 'chart'), version));
  else say('skipped', 'the chart: helm is not installed');
  const sums = made.map((file) => `${sha256(file)}  ${relative(out, file)}\n`);
  writeFileSync(join(out, 'SHA256SUMS'), sums.join(''));

  const image = ['docker', 'buildx', 'bake', '--file', 'deploy/docker/docker-bake.hcl'];
  const tag = ['git', 'tag', '--annotate', `v${version}`, '--message', `tokenward ${version}`];
  if (!isDry) {
    process.env['VERSION'] = version;
    process.env['REVISION'] = run('git', ['rev-parse', 'HEAD']).trim();
    run(image[0]!, image.slice(1));
    run(tag[0]!, tag.slice(1));
  }
  const [tarball = ''] = made;
  say(
    'next',
    `${isDry ? `VERSION=${version} ${image.join(' ')}; ${tag.slice(0, 4).join(' ')}; ` : ''}npm publish ${tarball}`,
  );
  process.stdout.write(`release: ${made.length} files in ${out}\n`);
} finally {
  rmSync(work, { recursive: true, force: true });
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
