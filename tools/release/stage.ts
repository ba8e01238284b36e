import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string; readonly mode: number }[];
}

/**
 * Copies the files of the package to `folder`. In its documents, links that lead out of the package (to tests, the
 * chart) become plain text: whoever installs it has no such files.
 */
export function stagePackage(folder: string): void {
  const [{ files }] = JSON.parse(npm(['pack', '--dry-run', '--json', '--ignore-scripts'])) as [Packed];
  const paths = new Set(files.map(({ path }) => path));
  for (const path of paths) {
    mkdirSync(join(folder, dirname(path)), { recursive: true });
    if (path.endsWith('.md'))
      writeFileSync(
        join(folder, path),
        withoutDeadLinks(readFileSync(path, 'utf8'), path, (to) => isIn(paths, to)),
      );
    else cpSync(path, join(folder, path));
  }
  // The package is built; nothing of its scripts works without the sources.
  const {
    scripts: _,
    devDependencies: __,
    overrides: ___,
    ...manifest
  } = JSON.parse(readFileSync('package.json', 'utf8')) as Record<string, unknown>;
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** Makes the tarball of a staged package; its path. */
export function packStaged(folder: string, destination: string): string {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', destination];
  const [{ filename }] = JSON.parse(npm(args, folder)) as [Packed];
  return join(destination, filename);
}

const LINK = /(!?)\[((?:[^[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)/g;

/** Markdown whose relative links all lead to files that `has` knows. */
export function withoutDeadLinks(text: string, file: string, has: (path: string) => boolean): string {
  return text.replaceAll(LINK, (all, image: string, label: string, target: string) => {
    const [path = ''] = target.split('#');
    if (/^[a-z]+:/.test(target) || path === '' || has(normalize(join(dirname(file), path)))) return all;
    return image === '' ? label : '';
  });
}

/** The relative links of a Markdown text. */
export function relativeLinks(text: string): string[] {
  return [...text.matchAll(LINK)]
    .map(([, , , target]) => target!.split('#')[0]!)
    .filter((path) => path !== '' && !/^[a-z]+:/.test(path));
}

function isIn(paths: ReadonlySet<string>, path: string): boolean {
  const folder = path.endsWith('/') ? path : `${path}/`;
  return paths.has(path) || [...paths].some((one) => one.startsWith(folder));
}

function npm(args: readonly string[], cwd = '.'): string {
  if (!existsSync(join(cwd, 'package.json'))) throw new Error(`no package.json in ${cwd}`);
  return execFileSync('npm', [...args], { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
}
