import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync, readSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, delimiter, join } from 'node:path';

/** A server that notes whether it was asked; it stands behind a route of its own. */
export interface Probe {
  /** The host of its route. A name that nobody has (RFC 2606), so that only the proxy can lead to it. */
  readonly host: string;
  readonly upstream: string;
  readonly url: string;
  wasAsked(): boolean;
  close(): void;
}

/** A runtime's own client for a URL, the last argument. */
interface Runtime {
  readonly name: RegExp;
  readonly args: readonly string[];
  /** What to do if it does not use the proxy. */
  readonly advice?: string;
}

const PROBE_MS = 30_000;
const FETCH =
  'fetch(process.argv.at(-1)).then(({ ok }) => process.exit(ok ? 0 : 1), (error) => {' +
  ' console.error(error.cause ?? error); process.exit(1); })';
const RUNTIMES: readonly Runtime[] = [
  { name: /^curl$/, args: ['-sS', '-o', '/dev/null'] },
  { name: /^wget$/, args: ['-q', '-O', '/dev/null', '--tries=1'] },
  { name: /^(?:python|pypy)[\d.]*$/, args: ['-c', 'import sys, urllib.request as r; r.urlopen(sys.argv[1]).read()'] },
  {
    name: /^node(?:js)?$/,
    args: ['-e', FETCH],
    advice: "Node's own clients read the proxy variables from Node 24 (and 22.21) on",
  },
  { name: /^ruby[\d.]*$/, args: ['-rnet/http', '-e', 'Net::HTTP.get_response(URI(ARGV[0])).value'] },
  {
    name: /^php[\d.]*$/,
    args: [
      '-r',
      '$c = curl_init($argv[1]); curl_setopt($c, CURLOPT_RETURNTRANSFER, 1); exit(curl_exec($c) === false ? 1 : 0);',
    ],
    advice: "PHP's curl functions read the proxy variables; file_get_contents does not",
  },
  {
    name: /^perl[\d.]*$/,
    args: [
      '-MHTTP::Tiny',
      '-e',
      'my $r = HTTP::Tiny->new(verify_SSL => 1)->get($ARGV[0]); die $r->{content} unless $r->{success}',
    ],
  },
];

export async function startProbe(): Promise<Probe> {
  const token = randomBytes(9).toString('hex');
  let asked = false;
  const server = createServer((request, response) => {
    asked ||= request.url === `/${token}`;
    response.end('tokenward was asked\n');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  // It serves the check, and keeps no program that fails from ending.
  server.unref();
  const host = 'tokenward-check.invalid';
  return {
    host,
    upstream: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    url: `https://${host}/${token}`,
    wasAsked: () => asked,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Lets the command's runtime ask the probe, and says what came of it. Resolves with an exit code. */
export async function checkRuntime(
  command: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  probe: Probe,
): Promise<number> {
  const program = runtimeOf(command[0]!, environment['PATH'] ?? '');
  const runtime = RUNTIMES.find(({ name }) => name.test(basename(program)));
  if (runtime === undefined) {
    const known = 'curl, wget, Python, Node, Ruby, PHP, Perl';
    process.stderr.write(`tokenward: ${command[0]!} cannot be checked: it is none of ${known}, nor a script of one.\n`);
    return 1;
  }
  const { code, output } = await ask(program, [...runtime.args, probe.url], environment);
  if (code === 0 && probe.wasAsked()) {
    process.stdout.write(`${program} goes through the proxy and trusts its authority.\n`);
    return 0;
  }
  const why = probe.wasAsked()
    ? 'reached the proxy, and then failed'
    : /certificate|SSL|TLS|issuer/i.test(output)
      ? 'does not trust the authority'
      : 'does not go through the proxy';
  process.stderr.write(`tokenward: ${program} ${why}.${runtime.advice === undefined ? '' : ` ${runtime.advice}.`}\n`);
  if (output !== '') process.stderr.write(`${output.trimEnd()}\n`);
  return 1;
}

/** The program itself, or what the first line of a script names. */
function runtimeOf(program: string, path: string): string {
  if (RUNTIMES.some(({ name }) => name.test(basename(program)))) return program;
  const places = program.includes('/') ? [program] : path.split(delimiter).map((folder) => join(folder, program));
  for (const place of places) {
    const [, interpreter, first] = /^#!\s*(\S+)(?:[ \t]+(\S+))?/.exec(beginningOf(place)) ?? [];
    if (interpreter !== undefined) return basename(interpreter) === 'env' && first !== undefined ? first : interpreter;
  }
  return program;
}

function beginningOf(file: string): string {
  try {
    const descriptor = openSync(file, 'r');
    try {
      const bytes = Buffer.alloc(256);
      return bytes.toString('latin1', 0, readSync(descriptor, bytes));
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return '';
  }
}

async function ask(
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<{ code: number | null; output: string }> {
  const child = spawn(program, args, { env: environment, stdio: ['ignore', 'ignore', 'pipe'], timeout: PROBE_MS });
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ code: null, output: error.message }));
    child.once('close', (code) => resolve({ code, output }));
  });
}
