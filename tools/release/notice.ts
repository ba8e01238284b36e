import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lockedPackages, type LockedPackage } from './locked.ts';

/** The text of NOTICE: the licences of everything that is installed with tokenward, each text once. */
export function notice(): string {
  const packages = lockedPackages();
  const byText = new Map<string, string[]>();
  for (const one of packages) {
    // Not installed on other systems; the package that needs them has the same licence.
    if (one.isForOneSystem) continue;
    const text = textOf(one);
    byText.set(text, [...(byText.get(text) ?? []), `${one.name} ${one.version}`]);
  }
  const list = packages.map(({ name, version, license }) => `  ${name} ${version}: ${license}`);
  const texts = [...byText].map(([text, names]) => `${'-'.repeat(80)}\n${names.join(', ')}\n\n${text}\n`);
  return [
    'tokenward\nLicensed under the Apache License, Version 2.0; see LICENSE.\n',
    'It is installed with these packages. This file is written by: npm run notice\n',
    `${list.join('\n')}\n`,
    ...texts,
  ].join('\n');
}

function textOf({ path, license }: LockedPackage): string {
  const files = readdirSync(path).filter((name) => /^(licen[cs]e|copying|notice)([.-]|$)/i.test(name));
  if (files.length === 0) return `The package has no file with its licence, which is ${license}.`;
  return files
    .sort()
    .map((name) => readFileSync(join(path, name), 'utf8').replaceAll('\r\n', '\n').trim())
    .join('\n\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync('NOTICE', notice());
