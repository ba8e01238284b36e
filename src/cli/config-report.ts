import { shortMessage, type ConfigError, type ConfigIssue } from '../config/load.ts';
import { coloured, type Style } from './colour.ts';

/** Every error of a configuration with its place, the line, and a mark below what is meant. For standard error. */
export function configReport({ file, issues }: ConfigError): string {
  const [only] = issues;
  // There is no line to show.
  if (issues.length === 1 && only!.line === undefined) return issueReport(only!, file, 'red').trimEnd();
  const head = `${file}: ${issues.length} ${issues.length === 1 ? 'error' : 'errors'}`;
  return [head, ...issues.map((issue) => issueReport(issue, file, 'red').trimEnd())].join('\n');
}

/** One error or warning, with its line and a final line end. `file`: where it is, unless it names another. */
export function issueReport(issue: ConfigIssue, file: string, style: Style): string {
  const { line, column, path, place = path, message, excerpt } = issue;
  const where = [issue.file ?? file, ...[line, column].filter((part) => part !== undefined)].join(':');
  const at = coloured(process.stderr, 'bold', where);
  const text = `${at}: ${place === '' ? '' : `${place}: `}${shortMessage(message)}\n`;
  if (excerpt === undefined || line === undefined || excerpt.text.trim() === '') return text;
  const number = String(line);
  const margin = coloured(process.stderr, 'dim', `  ${number} | `);
  const below = coloured(process.stderr, 'dim', `  ${' '.repeat(number.length)} | `);
  const mark = coloured(process.stderr, style, '^'.repeat(excerpt.length));
  return `${text}${margin}${excerpt.text}\n${below}${' '.repeat(excerpt.start)}${mark}\n`;
}
