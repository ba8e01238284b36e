import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { freshFolder } from '../support/files.ts';
import { requireBuild } from '../support/tools.ts';

const run = promisify(execFile);

describe('deploy/systemd/install.sh', function () {
  this.timeout(120_000);
  const folder = freshFolder();
  const root = (): string => join(folder(), 'root');
  before(function () {
    requireBuild(this);
  });

  /** A package with one dependency, which stands for all. */
  function unpacked(): string {
    const at = join(folder(), 'package');
    for (const part of ['bin', 'dist', 'flows', 'package.json', 'proxy.config.yaml', 'deploy/systemd'])
      cpSync(part, join(at, part), { recursive: true });
    symlinkSync(resolve('node_modules'), join(at, 'node_modules'));
    return at;
  }

  async function install(source: string, ...words: string[]): Promise<string> {
    const env = { ...process.env, DESTDIR: root(), PATH: `${dirname(process.execPath)}:/usr/bin:/bin` };
    return (await run('sh', [join(source, 'deploy/systemd/install.sh'), ...words], { env })).stdout;
  }

  const files = (): string[] =>
    existsSync(root())
      ? (readdirSync(root(), { recursive: true }) as string[])
          .filter((name) => !name.includes('tokenward/dist/'))
          .sort()
      : [];

  it('installs, upgrades without touching what a person wrote, and can be undone', async () => {
    const source = unpacked();
    mkdirSync(root());
    assert.match(await install(source, '--socket'), /installed \d+\.\d+\.\d+/);
    const command = join(root(), 'usr/bin/tokenward');
    const { stdout } = await run(process.execPath, [command, '--version']);
    assert.match(stdout, /^\d+\.\d+\.\d+/);
    const unit = readFileSync(join(root(), 'etc/systemd/system/tokenward.service'), 'utf8');
    assert.ok(
      unit.includes(`ExecStart=${process.execPath} /usr/lib/tokenward/dist/main.js serve`),
      'the Node that is here',
    );
    assert.ok(existsSync(join(root(), 'etc/systemd/system/tokenward.socket')));
    assert.equal(statSync(join(root(), 'etc/tokenward/tokenward.env')).mode & 0o777, 0o600);
    const config = join(root(), 'etc/tokenward/proxy.config.yaml');
    const env = { ...process.env, CHATAPP_EMAIL: 'a@example.com', CHATAPP_PASSWORD: 'x', CHATAPP_APP_ID: '1' };
    await run(process.execPath, [command, 'check', '-c', config], { env });

    appendFileSync(config, '# mine\n');
    const before = files();
    await install(source);
    assert.deepEqual(files(), before, 'a second run leaves something behind, or takes something away');
    assert.match(readFileSync(config, 'utf8'), /# mine\n$/);

    await install(source, 'uninstall');
    assert.deepEqual(
      files().filter((name) => /tokenward/.test(name)),
      ['etc/tokenward', 'etc/tokenward/credentials', 'etc/tokenward/proxy.config.yaml', 'etc/tokenward/tokenward.env'],
    );
    await install(source, 'uninstall');
    await install(source, 'purge');
    assert.deepEqual(
      files().filter((name) => /tokenward/.test(name)),
      [],
    );
  });

  it('refuses what it does not know, and changes nothing', async () => {
    await assert.rejects(install(unpacked(), 'instal'), /unknown argument: instal/);
    assert.deepEqual(files(), []);
  });
});
