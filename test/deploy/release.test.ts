import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, normalize, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runInNewContext } from 'node:vm';
import { promisify } from 'node:util';
import { parse } from 'acorn';
import { packChart } from '../../tools/release/chart.ts';
import { lockedPackages } from '../../tools/release/locked.ts';
import { notice } from '../../tools/release/notice.ts';
import { relativeLinks } from '../../tools/release/stage.ts';
import { versionProblems } from '../../tools/release/version.ts';
import { requireBuild, requireTool } from '../support/tools.ts';

const run = promisify(execFile);
const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };

describe('a release', function () {
  this.timeout(300_000);
  const folder = mkdtempSync(join(tmpdir(), 'tokenward-release-'));
  const out = join(folder, 'out');
  const unpacked = join(folder, 'package');
  before(async function () {
    requireBuild(this);
    await run(process.execPath, ['--import', 'tsx', 'tools/release/run.ts', '--dry-run', '--out', out]);
    await run('tar', ['-xzf', join(out, `tokenward-${version}.tgz`), '-C', folder]);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const files = (): string[] => readdirSync(unpacked, { recursive: true }) as string[];

  it('has a package whose documents have no dead link', () => {
    for (const file of files().filter((name) => name.endsWith('.md')))
      for (const link of relativeLinks(readFileSync(join(unpacked, file), 'utf8')))
        assert.ok(existsSync(join(unpacked, normalize(join(dirname(file), link)))), `${file}: ${link}`);
    assert.ok(relativeLinks(readFileSync(join(unpacked, 'README.md'), 'utf8')).length > 20);
  });

  it('has a package with what a user needs, and nothing of how it was made', () => {
    const names = files();
    for (const needed of ['NOTICE', 'LICENSE', 'bin/tokenward.cjs', 'dist/main.js', 'deploy/systemd/install.sh'])
      assert.ok(names.includes(needed), needed);
    assert.deepEqual(
      names.filter((name) => /\.map$|\.d\.ts$|^(src|test|bench|tools|helm)\b|\.ts$/.test(name)),
      [],
    );
  });

  it('runs the demo from the package', async () => {
    symlinkSync(resolve('node_modules'), join(unpacked, 'node_modules'));
    const { stdout } = await run(process.execPath, ['bin/tokenward.cjs', 'demo', '--once'], { cwd: unpacked });
    assert.match(stdout, /7 of 7|all 7|7 passed/i, stdout);
  });

  it('says on an old Node in one line what is wrong', () => {
    const text = readFileSync('bin/tokenward.cjs', 'utf8');
    // Node 4 and later parse this; a mistake here would be a stack instead of a line.
    parse(text, { ecmaVersion: 5, allowHashBang: true });
    const said: string[] = [];
    for (const [node, ends] of [
      ['12.22.12', true],
      ['18.20.8', true],
      ['20.18.3', true],
      ['20.19.0', false],
    ] as const) {
      said.length = 0;
      let loaded = false;
      const process = {
        versions: { node },
        exit(code: number) {
          throw new Error(`exit ${code}`);
        },
      };
      const console = { error: (line: string) => void said.push(line) };
      const start = (): void =>
        void runInNewContext(text.slice(text.indexOf('\n')), { process, console, require: () => (loaded = true) });
      if (!ends) start();
      else assert.throws(start, /exit 1/);
      assert.equal(loaded, !ends, node);
      const line = `tokenward: this is Node ${node}, and tokenward needs Node 20.19 or newer.`;
      assert.deepEqual(said, ends ? [line] : []);
    }
    const { engines } = JSON.parse(readFileSync('package.json', 'utf8')) as { engines: { node: string } };
    assert.equal(engines.node, '>=20.19.0');
  });

  it('has a Debian package that runs where it is unpacked', async function () {
    const dpkg = requireTool(this, 'dpkg-deb');
    const [deb] = readdirSync(out).filter((name) => name.endsWith('.deb'));
    const root = join(folder, 'root');
    mkdirSync(root);
    await run(dpkg, ['-x', join(out, deb!), root]);
    const { stdout } = await run(process.execPath, [join(root, 'usr/bin/tokenward'), '--version']);
    assert.match(stdout, new RegExp(`^${version.replaceAll('.', '\\.')}`));
    // Whatever is loaded comes from the package: the store, Redis's client, the certificate encoder.
    await run(process.execPath, [join(root, 'usr/bin/tokenward'), 'demo', '--once'], { cwd: folder });
    assert.ok(existsSync(join(root, 'usr/lib/systemd/system/tokenward.service')));
  });

  it('lists its parts as CycloneDX, all of them', () => {
    const document = JSON.parse(readFileSync(join(out, `tokenward-${version}.cdx.json`), 'utf8')) as {
      bomFormat: string;
      metadata: { component: { name: string } };
      components: { name: string; version: string; group?: string }[];
    };
    assert.deepEqual([document.bomFormat, document.metadata.component.name], ['CycloneDX', 'tokenward']);
    const listed = new Set(
      document.components.map(
        ({ group, name, version: of }) =>
          `${group === undefined || name.startsWith('@') ? name : `${group}/${name}`} ${of}`,
      ),
    );
    for (const { name, version: of } of lockedPackages()) assert.ok(listed.has(`${name} ${of}`), name);
    assert.equal(listed.size, lockedPackages().length, 'it lists packages that are not shipped');
  });

  it('has a chart of the same bytes, whenever it is made', async function () {
    process.env['PATH'] = [process.env['PATH'], dirname(requireTool(this, 'helm'))].join(delimiter);
    const first = readFileSync(packChart(join(folder, 'chart-1'), join(folder, 'charts-1'), version));
    await sleep(1_100);
    const path = packChart(join(folder, 'chart-2'), join(folder, 'charts-2'), version);
    assert.ok(readFileSync(path).equals(first));
    const { stdout } = await run('helm', ['show', 'chart', path]);
    assert.match(stdout, /^name: tokenward$/m);
  });

  it('has checksums of all its files', () => {
    execFileSync('sha256sum', ['--check', '--quiet', 'SHA256SUMS'], { cwd: out });
  });

  it('has a NOTICE that names every package and its licence', () => {
    assert.equal(readFileSync('NOTICE', 'utf8'), notice(), 'npm run notice');
    assert.deepEqual(
      lockedPackages().filter(({ license }) => license === 'unknown'),
      [],
    );
  });

  it('does not come about with a version that the changelog lacks', () => {
    assert.match(versionProblems('9.9.9').join('\n'), /no heading "## \[9\.9\.9\] - DATE"/);
    const fine = `# Changelog\n\n## [Unreleased]\n\n## [${version}] - 2026-11-22\n\n- One.\n`;
    assert.deepEqual(versionProblems(version, fine), []);
    const open = fine.replace('[Unreleased]\n', '[Unreleased]\n\n- Two.\n');
    assert.match(versionProblems(version, open).join('\n'), /changes under "Unreleased"/);
  });
});
