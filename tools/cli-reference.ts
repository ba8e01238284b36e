import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { commandLine } from '../src/cli/command-line.ts';
import { COMMANDS } from '../src/cli/commands.ts';
import { EXIT_CODES } from '../src/cli/exit-codes.ts';

const PAGE = 'docs/cli.md';
const BEGIN = '<!-- Written by npm run docs:cli from here on. -->\n';

/** The page with its reference as the code has it. What stands before the mark is kept. */
export function withReference(page: string): string {
  const program = commandLine();
  const groups = Object.entries(COMMANDS).map(([title, makers]) => {
    const names = makers.map((make) => make().name());
    const commands = program.commands.filter((command) => names.includes(command.name()));
    return `## ${title.replace(/:$/, '')}\n\n${commands.map((command) => section(command, command.name())).join('')}`;
  });
  const codes = Object.entries(EXIT_CODES).map(([code, meaning]) => `| ${code} | ${meaning} |\n`);
  const exit = `## Exit codes\n\n| Code | Meaning |\n|---|---|\n${codes.join('')}`;
  return `${page.slice(0, page.indexOf(BEGIN) + BEGIN.length)}\n${groups.join('')}${exit}`;
}

function section(command: Command, path: string): string {
  const help = command.createHelp();
  const below = command.commands.map((one) => section(one, `${path} ${one.name()}`)).join('');
  const rows = [
    ...command.registeredArguments.map((one) => [help.argumentTerm(one), one.description] as const),
    ...command.options.map((one) => [help.optionTerm(one), help.optionDescription(one)] as const),
  ].map(([term, about]) => `| \`${term}\` | ${about.replaceAll('|', '\\|')} |\n`);
  const table = rows.length === 0 ? '' : `\n| | |\n|---|---|\n${rows.join('')}`;
  const usage = command.commands.length > 0 ? '' : `\n\`tokenward ${path} ${command.usage()}\`\n`;
  return `### \`tokenward ${path}\`\n\n${sentence(command.description())}\n${usage}${table}\n${below}`;
}

function sentence(text: string): string {
  return `${text[0]!.toUpperCase()}${text.slice(1)}${text.endsWith('.') ? '' : '.'}`;
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url))
  writeFileSync(PAGE, withReference(readFileSync(PAGE, 'utf8')));
