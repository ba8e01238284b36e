import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from './proxy.ts';

/** A fresh folder for every test of the surrounding describe; read its path through the function this gives back. */
export function freshFolder(): () => string {
  let folder: string | undefined;
  beforeEach(() => {
    folder = temporaryFolder();
  });
  afterEach(() => {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    folder = undefined;
  });
  return () => {
    if (folder === undefined) throw new Error('only inside a test');
    return folder;
  };
}

/** Writes a configuration and gives back its path. */
export function writeConfig(folder: string, config: unknown, name = 'proxy.config.yaml'): string {
  const file = join(folder, name);
  writeFileSync(file, typeof config === 'string' ? config : JSON.stringify(config));
  return file;
}
