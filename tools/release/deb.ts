import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lockedPackages } from './locked.ts';

const SCRIPTS: Readonly<Record<string, string>> = {
  postinst: '[ ! -d /run/systemd/system ] || systemctl daemon-reload',
  prerm:
    '[ "$1" != remove ] || [ ! -d /run/systemd/system ] || systemctl disable --now tokenward.socket tokenward.service',
  postrm:
    '[ "$1" != purge ] || rm -rf /etc/tokenward /var/lib/tokenward /var/lib/private/tokenward\n' +
    '[ ! -d /run/systemd/system ] || systemctl daemon-reload',
};

/** Makes a Debian package of a staged package and the installed dependencies; its path. For this machine's system. */
export function buildDeb(staged: string, work: string, destination: string, version: string): string {
  const program = join(work, 'usr/lib/tokenward');
  for (const part of ['bin', 'dist', 'flows', 'package.json', 'proxy.config.yaml'])
    cpSync(join(staged, part), join(program, part), { recursive: true });
  for (const { path } of lockedPackages())
    if (existsSync(path))
      cpSync(path, join(program, path), { recursive: true, filter: (from) => !/\.map$/.test(from) });
  mkdirSync(join(work, 'usr/bin'), { recursive: true });
  symlinkSync('../lib/tokenward/bin/tokenward.cjs', join(work, 'usr/bin/tokenward'));
  chmodSync(join(program, 'bin/tokenward.cjs'), 0o755);
  const units = join(work, 'usr/lib/systemd/system');
  for (const unit of ['tokenward.service', 'tokenward.socket'])
    cpSync(join(staged, 'deploy/systemd', unit), join(units, unit));
  const docs = join(work, 'usr/share/doc/tokenward');
  cpSync(join(staged, 'docs'), docs, { recursive: true });
  for (const file of ['README.md', 'SECURITY.md', 'CHANGELOG.md']) cpSync(join(staged, file), join(docs, file));
  writeFileSync(join(docs, 'copyright'), readFileSync(join(staged, 'NOTICE')));
  const architecture = execFileSync('dpkg', ['--print-architecture'], { encoding: 'utf8' }).trim();
  mkdirSync(join(work, 'DEBIAN'));
  writeFileSync(
    join(work, 'DEBIAN/control'),
    `Package: tokenward
Version: ${version}
Architecture: ${architecture}
Maintainer: The tokenward authors <maintainers@tokenward.invalid>
Depends: nodejs (>= 20.19), ca-certificates
Section: net
Priority: optional
Description: outbound authenticating reverse proxy
 Applications call it without a token. It attaches the account's token, renews a
 rejected one once for all requests, and replays the request.
`,
  );
  for (const [name, text] of Object.entries(SCRIPTS))
    writeFileSync(join(work, 'DEBIAN', name), `#!/bin/sh\nset -e\n${text}\n`, { mode: 0o755 });
  execFileSync('chmod', ['-R', 'u=rwX,go=rX', work]);
  const file = join(destination, `tokenward_${version}_${architecture}.deb`);
  execFileSync('dpkg-deb', ['--root-owner-group', '-Zxz', '--build', work, file], { stdio: 'ignore' });
  return file;
}
