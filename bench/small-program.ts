import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { machine } from './machine.ts';

/** The options of a program of this folder that has nothing but numbers, `--json` and `--help`. */
export interface SmallOptions<Name extends string> {
  readonly numbers: Readonly<Record<Name, number>>;
  /** Where the figures are written; undefined: nowhere. */
  readonly json: string | undefined;
}

/** Reads them. `--help` prints the text and ends the process. */
export function smallOptions<Name extends string>(
  help: string,
  defaults: Readonly<Record<Name, number>>,
): SmallOptions<Name> {
  const names = Object.keys(defaults) as Name[];
  const options: NonNullable<ParseArgsConfig['options']> = { json: { type: 'string' }, help: { type: 'boolean' } };
  for (const name of names) options[name] = { type: 'string' };
  const { values } = parseArgs({ options });
  if (values['help'] === true) {
    process.stdout.write(help);
    process.exit(0);
  }
  const numbers = names.map((name) => [name, Number(values[name] ?? defaults[name])]);
  return {
    numbers: Object.fromEntries(numbers) as Record<Name, number>,
    json: typeof values['json'] === 'string' ? values['json'] : undefined,
  };
}

/** Writes figures with the machine that they are of, if there is a file for them. */
export function writeFigures(file: string | undefined, figures: object): void {
  if (file === undefined) return;
  mkdirSync(dirname(resolve(file)), { recursive: true });
  writeFileSync(file, `${JSON.stringify({ node: process.version, machine: machine(), ...figures }, null, 1)}\n`);
}
