import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

/**
 * Makes the chart's archive in `destination`; its path. helm (3.19) writes the time of the call into it, so it is
 * packed again with the time of `SOURCE_DATE_EPOCH`. `work`: a folder for it alone.
 */
export function packChart(work: string, destination: string, version: string): string {
  const [made, unpacked] = [join(work, 'made'), join(work, 'unpacked')];
  for (const folder of [made, unpacked, destination]) mkdirSync(folder, { recursive: true });
  const name = `tokenward-${version}.tgz`;
  run('helm', ['package', 'helm/tokenward', '--destination', made]);
  run('tar', ['--extract', '--gzip', '--file', join(made, name), '--directory', unpacked]);
  const tar = join(work, 'chart.tar');
  const same = [`--mtime=@${process.env['SOURCE_DATE_EPOCH'] ?? 0}`, '--owner=0', '--group=0', '--numeric-owner'];
  run('tar', [
    '--create',
    '--sort=name',
    '--format=ustar',
    '--mode=u=rwX,go=rX',
    ...same,
    '--file',
    tar,
    '--directory',
    unpacked,
    'tokenward',
  ]);
  const file = join(destination, name);
  writeFileSync(file, gzipSync(readFileSync(tar), { level: 9 }));
  return file;
}

/** helm tells of each symbolic link of the chart on standard error. */
function run(command: string, args: readonly string[]): void {
  try {
    execFileSync(command, [...args], { stdio: 'pipe' });
  } catch (error) {
    const { stderr } = error as { stderr?: Buffer };
    throw new Error(`${command} failed: ${stderr?.toString('utf8').trim() ?? 'it did not start'}`, { cause: error });
  }
}
