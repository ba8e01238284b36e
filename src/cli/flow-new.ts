import { readFileSync } from 'node:fs';
import { text as readAll } from 'node:stream/consumers';
import { ConfigError, parseConfig, showIssue } from '../config/load.ts';
import { PRESETS } from '../flows/presets.ts';
import type { ReadResponse } from '../flows/response.ts';
import { factsOf } from './new-flow/answer.ts';
import { draftCall } from './new-flow/call.ts';
import { DraftCredentials } from './new-flow/credentials.ts';
import { readCurl } from './new-flow/curl.ts';
import { decide, nameFromHost, type Ask, type GivenAnswers } from './new-flow/decisions.ts';
import { readSample } from './new-flow/sample.ts';
import { CurlError, readCommand } from './new-flow/shell-words.ts';
import { draftYaml } from './new-flow/yaml.ts';
import { print } from './options.ts';
import { openTerminal } from './terminal.ts';
import { UsageError } from './usage-error.ts';

/** The options of `tokenward flow new`. */
interface Options extends GivenAnswers {
  readonly curl?: string;
  readonly answer?: string;
  readonly name?: string;
}

/** What `flow new` is made of. */
interface Pasted {
  /** A curl command, perhaps with its answer behind it. */
  readonly curl: string;
  readonly answer: string | undefined;
}

/** `tokenward flow new`. */
export async function flowNew(options: Options): Promise<void> {
  const { curl, answer } = options;
  if (curl === '-' && answer === '-') throw new UsageError('only one of --curl and --answer can be standard input');
  const terminal =
    process.stdin.isTTY && curl !== '-' && answer !== '-' ? openTerminal(process.stdin, process.stderr) : undefined;
  try {
    const pasted =
      curl === undefined && terminal !== undefined
        ? {
            curl: await terminal.paste(ASK_CURL, isCommand),
            answer: await answerOf(answer, () => terminal.paste(ASK_ANSWER, isWhole)),
          }
        : { curl: await content(curl ?? '-', '--curl'), answer: await answerOf(answer) };
    const { yaml, notes } = await drafted(pasted, options, terminal?.ask);
    for (const note of notes) process.stderr.write(`note: ${note}\n`);
    print(yaml);
  } catch (error) {
    throw error instanceof CurlError ? new UsageError(error.message) : error;
  } finally {
    terminal?.close();
  }
}

const ASK_CURL = 'Paste the curl command of a login (not shown; end it with a line that holds only a dot):';
const ASK_ANSWER = 'Paste its answer, best as curl -i prints it (not shown; end it with a line that holds only a dot):';

/** The draft for a command and its answer. Throws a CurlError. */
export async function drafted(
  { curl, answer }: Pasted,
  given: GivenAnswers & { readonly name?: string | undefined },
  ask: Ask | undefined,
): Promise<{ readonly yaml: string; readonly notes: readonly string[] }> {
  const command = readCommand(curl);
  if (command === undefined)
    throw new CurlError('the curl command is not complete: a quote is open, or its last line ends in \\');
  if (command.words.length === 0) throw new CurlError('there is no curl command');
  const request = readCurl(command.words);
  const sampleText = answer ?? (command.rest.trim() === '' ? undefined : command.rest);
  const sample: ReadResponse | undefined = sampleText === undefined ? undefined : readSample(sampleText);
  const facts = sample && factsOf(sample, Date.now());
  const name = given.name ?? freeName(nameFromHost(request.url.hostname));
  const credentials = new DraftCredentials(name);
  const call = draftCall(request, credentials);
  const decisions = await decide(given, facts, request.url.origin, ask);
  const yaml = draftYaml({ name, call, credentials: credentials.all, facts, decisions });
  checked(yaml);
  const notes = [
    ...request.notes,
    ...call.notes,
    ...(command.cut ? ['what follows the command in its line (a pipe, ;, & or >) was ignored'] : []),
    ...(facts === undefined ? ['there was no sample answer, so the place of the token is a guess'] : []),
  ];
  return { yaml, notes };
}

/** A preset's name would make two flows of one name. */
function freeName(name: string): string {
  return Object.hasOwn(PRESETS, name) ? `${name}-api` : name;
}

/** The draft passes `tokenward check`, whatever was given. */
function checked(yaml: string): void {
  const names = [...yaml.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name!);
  try {
    parseConfig(yaml, Object.fromEntries(names.map((name) => [name, 'value'])), 'the draft');
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const issues = error.issues.map((issue) => showIssue({ ...issue, line: undefined }));
    throw new CurlError(`the flow would not be usable: ${issues.join('; ')}`);
  }
}

function isCommand(text: string): boolean {
  try {
    return /curl/.test(text) && readCommand(text) !== undefined;
  } catch {
    return true;
  }
}

/** JSON has an end that can be seen. */
function isWhole(text: string): boolean {
  if (!/[}\]]\s*$/.test(text)) return false;
  try {
    JSON.parse(text.slice(text.search(/^[[{]/m)));
    return true;
  } catch {
    return false;
  }
}

async function answerOf(file: string | undefined, paste?: () => Promise<string>): Promise<string | undefined> {
  if (file !== undefined) return content(file, '--answer');
  const pasted = await paste?.();
  return pasted === undefined || pasted.trim() === '' ? undefined : pasted;
}

async function content(file: string, option: string): Promise<string> {
  if (file === '-') return readAll(process.stdin);
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    throw new UsageError(`the file of ${option} cannot be read (${code})`);
  }
}
