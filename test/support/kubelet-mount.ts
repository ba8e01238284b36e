import { mkdirSync, mkdtempSync, readlinkSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Writes files into a folder the way the kubelet mounts a ConfigMap or a Secret, and replaces them the way it does: a
 * folder of its own for each version, the link `..data` to it, swapped by a rename, and a link for each file.
 */
export function mountAsKubelet(folder: string, files: Readonly<Record<string, string>>): void {
  mkdirSync(folder, { recursive: true });
  const before = currentOf(folder);
  const version = mkdtempSync(join(folder, '..2026_'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(version, name), text);
  symlinkSync(version.slice(folder.length + 1), join(folder, '..data_tmp'));
  renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
  for (const name of Object.keys(files))
    try {
      symlinkSync(join('..data', name), join(folder, name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  if (before !== undefined) rmSync(join(folder, before), { recursive: true });
}

function currentOf(folder: string): string | undefined {
  try {
    return readlinkSync(join(folder, '..data'));
  } catch {
    return undefined;
  }
}
