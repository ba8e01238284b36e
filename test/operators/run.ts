import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProgram } from '../harness/program.ts';
import { HELP, parseOptions, PARTS, type Options, type Part } from './options.ts';

/** The tests of each part: names of files below test, as patterns, so that new ones of a folder come along. */
const FILES: Readonly<Record<Part, RegExp>> = {
  rules: /^deploy\/(alerts|situation-board|metric-names|helm-alerts)\.test\.ts$/,
  alertmanager: /^deploy\/alertmanager\.test\.ts$/,
  dashboards: /^deploy\/(dashboard|panels-have-data)\.test\.ts$/,
  runbooks: /^(deploy\/(runbooks|alert-commands)|docs\/alerts)\.test\.ts$/,
  page: /^operator\/[\w-]+\.test\.ts$/,
  traces: /^(otlp|traces|telemetry)\/[\w-]+\.test\.ts$|^\w+\/otlp[\w-]*\.test\.ts$/,
};

interface Counts {
  readonly passed: number;
  readonly failed: number;
}

/** The tests of each part with mocha, one part after the other; the exit code. */
async function main(options: Options): Promise<number> {
  const all = (readdirSync('test', { recursive: true }) as string[]).map((file) => file.replaceAll('\\', '/')).sort();
  const screenshots = mkdtempSync(join(tmpdir(), 'tokenward-operators-'));
  let [passed, failed] = [0, 0];
  for (const part of PARTS.filter((one) => options.runs(one))) {
    const files = all.filter((file) => FILES[part].test(file)).map((file) => `test/${file}`);
    if (files.length === 0) {
      console.log(`\n== ${part}: there are no such tests here`);
      continue;
    }
    console.log(`\n== ${part}: ${files.length} files`);
    const counts = await runTests(files, screenshots);
    passed += counts.passed;
    failed += counts.failed;
  }
  if (readdirSync(screenshots).length > 0) console.log(`screenshots: ${screenshots}`);
  else rmSync(screenshots, { recursive: true });
  console.log(`operators: ${passed} passed, ${failed} failed`);
  return failed === 0 && passed > 0 ? 0 : 1;
}

/** A mocha that ends without its counts has failed once. */
async function runTests(files: readonly string[], screenshots: string): Promise<Counts> {
  // Indented otherwise, mocha's own counts would be taken for a second suite by what adds them up.
  const child = spawn(
    process.execPath,
    ['node_modules/mocha/bin/mocha.js', '--no-config', '--import=tsx', '--timeout', '60000', '--exit', ...files],
    { env: { ...process.env, TOKENWARD_SCREENSHOTS: screenshots }, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (more: string) => {
    text += more;
    process.stdout.write(more.replaceAll(/^ +(\d+) (passing|failing)/gm, '  mocha: $1 $2'));
  });
  const [code] = (await once(child, 'close')) as [number | null];
  const number = (word: string): number => Number(new RegExp(`^ +(\\d+) ${word}`, 'm').exec(text)?.[1] ?? 0);
  const [passed, failed] = [number('passing'), number('failing')];
  return { passed, failed: code !== 0 && failed === 0 ? 1 : failed };
}

await runProgram('verify:operators', HELP, parseOptions, main);
