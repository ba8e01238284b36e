import { accessSync, constants, existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { find } from './machine.ts';

/**
 * Where programs lie that no package of the distribution has: see README.md, "The peers". Nothing is ever installed by
 * the benchmark.
 */
export function toolFolder(): string {
  return process.env['BENCH_TOOLS'] ?? join(homedir(), '.cache/tokenward-bench');
}

/** A program in the tool folder, in Go's folder for programs, or where a shell would find it. */
export function tool(program: string, ...inToolFolder: string[]): string | undefined {
  const own = [...inToolFolder.map((path) => join(toolFolder(), path)), join(homedir(), 'go/bin', program)];
  return own.find(executable) ?? find(program);
}

/** A Node of this major version; undefined if there is none. */
export function nodeOf(major: number): string | undefined {
  if (Number(process.versions.node.split('.')[0]) === major) return process.execPath;
  const named = process.env[`BENCH_NODE_${major}`];
  if (named !== undefined) return executable(named) ? named : undefined;
  const file = join(toolFolder(), `node${major}/node_modules/node-linux-${process.arch}/bin/node`);
  return executable(file) ? file : undefined;
}

function executable(file: string): boolean {
  if (!existsSync(file)) return false;
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
