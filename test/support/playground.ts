import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Block } from './doc-page.ts';
import { eventually } from './eventually.ts';
import { MAIN, type Finished } from './process.ts';
import { temporaryFolder } from './proxy.ts';
import { freePort } from './wire.ts';

/** Commands that run until they are ended, and what says that they are up. */
const LONG = /^tokenward (sandbox|serve)\b/;

/**
 * Plays the commands of a page as a reader would, by a shell, in a folder of its own. Only the ports differ: those of
 * the page may be in use here, so each stands for a free one.
 */
export class Playground {
  readonly folder = temporaryFolder();
  readonly #ports = new Map<string, string>();
  readonly #running: ChildProcess[] = [];
  readonly #env: NodeJS.ProcessEnv;
  /** What the reader has exported: in the same terminal it holds for what follows. */
  #exported = '';
  /** What the commands that go on have written. */
  #written = '';

  private constructor(env: NodeJS.ProcessEnv) {
    const bin = join(this.folder, '.bin');
    mkdirSync(bin);
    const program = join(bin, 'tokenward');
    writeFileSync(program, `#!/bin/sh\nexec "${process.execPath}" "${MAIN}" "$@"\n`);
    chmodSync(program, 0o755);
    this.#env = { ...process.env, PATH: `${bin}${delimiter}${process.env['PATH'] ?? ''}`, ...env };
  }

  /** `env`: what the reader has set besides. */
  static async open(env: NodeJS.ProcessEnv = {}): Promise<Playground> {
    const playground = new Playground(env);
    for (const port of ['8080', '9090']) playground.#ports.set(port, String(await freePort()));
    return playground;
  }

  /** Runs a block of sh: all lines but a last one that goes on, which is up when this is over. */
  async play(text: string, input = ''): Promise<Finished> {
    const lines = text.trimEnd().split('\n');
    const goesOn = LONG.test(lines.at(-1)!) ? lines.pop() : undefined;
    const finished = await this.#run(lines.join('\n'), input);
    this.#exported += lines.filter((line) => line.startsWith('export ')).join('\n') + '\n';
    if (goesOn !== undefined && finished.code === 0) await this.#start(goesOn);
    return { ...finished, stdout: finished.stdout + this.#written };
  }

  /** Writes a file as the page shows it. */
  write(name: string, text: string): void {
    writeFileSync(join(this.folder, name), this.here(text));
  }

  /** The page's text with the ports of this run. */
  here(text: string): string {
    return text.replaceAll(/\b(?:8080|9090|818\d)\b/g, (port) => this.#ports.get(port) ?? port);
  }

  /** Ends the last command that goes on. */
  async end(): Promise<void> {
    const child = this.#running.pop();
    if (child === undefined || child.exitCode !== null) return;
    const ended = once(child, 'exit');
    child.kill();
    await ended;
  }

  async close(): Promise<void> {
    while (this.#running.length > 0) await this.end();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #run(script: string, input: string): Promise<Finished> {
    const child = this.#shell(`set -e\n${script}`);
    child.stdin!.on('error', () => undefined).end(input);
    const [stdout, stderr] = [collect(child.stdout!), collect(child.stderr!)];
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, stdout: stdout(), stderr: stderr() };
  }

  async #start(line: string): Promise<void> {
    const isSandbox = line.startsWith('tokenward sandbox');
    const child = this.#shell(`exec ${isSandbox ? line.replace('sandbox', 'sandbox --port 0') : line}`);
    this.#running.push(child);
    child.stdout!.resume();
    let said = '';
    child.stderr!.setEncoding('utf8').on('data', (more: string) => {
      said += more;
      this.#written += more;
    });
    const [, file] = / > (\S+)$/.exec(line) ?? [];
    const isUp = (): boolean =>
      isSandbox
        ? existsSync(join(this.folder, file!)) && this.#read(file!).includes('/analyse')
        : said.includes('"tokenward is up"');
    await eventually(line, () => {
      if (child.exitCode !== null) throw new Error(`${line} ended: ${said}`);
      return isUp();
    });
    if (isSandbox) this.#usePortsOf(file!);
  }

  /** The sandbox takes free ports; its file is brought to the free ones for tokenward. */
  #usePortsOf(file: string): void {
    const printed = this.#read(file);
    const ports = new Set([...printed.matchAll(/http:\/\/127\.0\.0\.1:(\d+)/g)].map(([, port]) => port!));
    // The order of the file is that of the page's ports: the control API, and then the hosts of the vendors.
    for (const [index, port] of [...ports].entries()) this.#ports.set(String(8180 + index), port);
    writeFileSync(
      join(this.folder, file),
      printed.replaceAll(/port: (8080|9090)\b/g, (_, port: string) => `port: ${this.#ports.get(port)!}`),
    );
  }

  #read(file: string): string {
    return readFileSync(join(this.folder, file), 'utf8');
  }

  #shell(script: string): ChildProcess {
    return spawn('bash', ['-c', this.#exported + this.here(script)], { cwd: this.folder, env: this.#env });
  }
}

/** The blocks of a page, each of sh with the output that the page shows behind it. */
export function steps(blocks: readonly Block[]): { readonly block: Block; readonly shown: string }[] {
  const found: { block: Block; shown: string }[] = [];
  for (const block of blocks) {
    const last = found.at(-1);
    if (block.language !== 'text') found.push({ block, shown: '' });
    else if (last !== undefined) last.shown += block.text;
  }
  return found;
}

function collect(stream: NodeJS.ReadableStream): () => string {
  let text = '';
  stream.setEncoding('utf8').on('data', (more: string) => (text += more));
  return () => text;
}
