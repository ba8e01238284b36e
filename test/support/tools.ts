import { execFileSync, spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';

/**
 * The path of a program a test needs. Without it the test is skipped and its title says why; under CI=true it fails,
 * so that nothing goes unchecked there unnoticed.
 */
export function requireTool(context: Mocha.Context, name: string): string {
  const path = findTool(name);
  if (path !== undefined) return path;
  return missing(context, `${name} is not installed`);
}

/** The path of Go, also where it is installed without being on PATH. */
export function requireGo(context: Mocha.Context): string {
  const usual = '/usr/local/go/bin/go';
  return findTool('go') ?? (isExecutable(usual) ? usual : missing(context, 'go is not installed'));
}

/** The built program, which `npm test` makes first. Treated like a tool: a bare mocha run may come without it. */
export function requireBuild(context: Mocha.Context): string {
  const path = resolve('dist/main.js');
  if (existsSync(path)) return path;
  return missing(context, 'dist/main.js is not built');
}

/**
 * Python with a module, and the environment in which it finds it: in the folder of a variable (such as `BOTOCORE`,
 * after `pip install --target $BOTOCORE botocore`), or where it always looks.
 */
export function requirePython(
  context: Mocha.Context,
  module: string,
): { readonly python: string; readonly env: NodeJS.ProcessEnv } {
  const python = findTool('python3');
  const folders = [process.env[module.toUpperCase()], process.env['PYTHONPATH']];
  const env = { ...process.env, PYTHONPATH: folders.filter((folder) => (folder ?? '') !== '').join(delimiter) };
  if (python === undefined) return missing(context, 'python3 is not installed');
  const { status, stderr } = spawnSync(python, ['-c', `import ${module}`], { env, encoding: 'utf8' });
  if (status === 0) return { python, env };
  return missing(context, `${python} cannot import ${module} (${stderr?.trim().split('\n').at(-1)})`);
}

/** For a test that makes namespaces and changes its root. */
export function requireRoot(context: Mocha.Context): void {
  if (process.getuid?.() !== 0) missing(context, 'it needs root');
}

function missing(context: Mocha.Context, reason: string): never {
  if (process.env['CI'] === 'true') throw new Error(`${reason}, and CI must not skip this test`);
  const runnable = context.runnable();
  runnable.title += ` (skipped: ${reason})`;
  return context.skip();
}

/** The path of a program, or undefined. */
export function findTool(name: string): string | undefined {
  const onPath = (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find(isExecutable);
  if (onPath !== undefined) return onPath;
  const folder = goBin();
  return folder !== undefined && isExecutable(join(folder, name)) ? join(folder, name) : undefined;
}

/** Where `go install` puts programs; often not on PATH. */
function goBin(): string | undefined {
  try {
    const folder = execFileSync('go', ['env', 'GOPATH'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
    return folder === '' ? undefined : join(folder, 'bin');
  } catch {
    return undefined;
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
