import { readFileSync } from 'node:fs';

/** What does not fit the version of a release: in the chart, the image, the lock file and the changelog. */
export function versionProblems(version: string, changelog = readFileSync('CHANGELOG.md', 'utf8')): string[] {
  const problems: string[] = [];
  const chart = readFileSync('helm/tokenward/Chart.yaml', 'utf8');
  for (const key of ['version', 'appVersion']) {
    const found = new RegExp(`^${key}: "?([^"\\n]+)"?$`, 'm').exec(chart)?.[1];
    if (found !== version) problems.push(`${key} of the chart is ${found ?? 'missing'}, and the package is ${version}`);
  }
  for (const [file, before] of [
    ['deploy/docker/Dockerfile', 'ARG VERSION='],
    ['deploy/docker/docker-bake.hcl', 'variable "VERSION" { default = "'],
    ['deploy/docker/compose.yaml', 'image: tokenward:'],
  ] as const)
    if (!readFileSync(file, 'utf8').includes(`${before}${version}`)) problems.push(`${file} has another version`);
  const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { version: string };
  if (lock.version !== version) problems.push(`package-lock.json is ${lock.version}: npm install --package-lock-only`);
  const heading = new RegExp(`^## \\[${version.replaceAll('.', '\\.')}\\] - \\d{4}-\\d{2}-\\d{2}$`, 'm');
  if (!heading.test(changelog)) problems.push(`CHANGELOG.md has no heading "## [${version}] - DATE"`);
  const [, unreleased = ''] = /^## \[Unreleased\]\n([^]*?)(?=^## |$(?![^]))/m.exec(changelog) ?? [];
  if (unreleased.trim() !== '') problems.push('CHANGELOG.md has changes under "Unreleased": give them their version');
  return problems;
}
