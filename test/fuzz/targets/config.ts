import assert from 'node:assert/strict';
import { parseDocument, visit } from 'yaml';
import { ConfigError, parseConfig, showIssue, type ConfigIssue } from '../../../src/config/load.ts';
import type { Target } from '../target.ts';
import { COVERS } from './covers.ts';

/** Values of environment variables, and so of credentials. No message may repeat any. */
const FROM_ENVIRONMENT = 'Zanzibar-77-lantern';
/** The same for what stands in the text itself. */
const INLINE = 'Quokka-42-thimble';
const ENVIRONMENT = {
  SECRET: FROM_ENVIRONMENT,
  EMPTY: '',
  KEY: 'ab'.repeat(32),
  URL: `https://${FROM_ENVIRONMENT}.example`,
};

/** Files of the system that an input must not open: reading one may never end. */
const SYSTEM_FILES = /\/(dev|proc|sys|run)\b/;

/**
 * Brackets and signs that may begin another level. With more than some hundred levels the YAML library reports that its
 * stack is exhausted, and V8 may end the process if it compiles a regular expression there.
 */
const OPENING = /[[{]|[-?:] /g;
const MAX_OPENING = 400;

/** Messages about the whole file, which have no line. */
const WITHOUT_LINE = /YAML aliases|nested too deeply|NODE_TLS_REJECT_UNAUTHORIZED|the f(ile|older) cannot be read/;

function checkIssue(issue: ConfigIssue, lines: number, quotable: boolean): void {
  const { path, line, message, file } = issue;
  assert.ok(message !== '', 'an issue without a message');
  if (line === undefined) assert.ok(file !== undefined || WITHOUT_LINE.test(message), 'an issue without a line');
  else if (file === undefined) assert.ok(line >= 1 && line <= lines, 'a line that does not exist');
  assert.ok(!/[\n\r]/.test(path), 'a path of several lines');
  const text = showIssue(issue);
  assert.ok(text.length < 2_000 + path.length, 'a message of boundless length');
  assert.ok(!text.includes(FROM_ENVIRONMENT), 'a message repeats a value of the environment');
  if (!quotable) assert.ok(!text.includes(INLINE), 'a message repeats a value of the text');
}

/** Whether the inline secret stands where it may be repeated: in a key, a name, or the path of a file. */
function isQuotable(text: string): boolean {
  if (!text.includes(INLINE)) return true;
  const document = parseDocument(text, { merge: false, logLevel: 'error' });
  let quotable = document.errors.length > 0 && /file|directory/.test(text);
  const within = (value: unknown): boolean => typeof value === 'string' && value.includes(INLINE);
  visit(document, {
    Pair(_, { key, value }) {
      const name = String((key as { value?: unknown } | null)?.value);
      const held = (value as { value?: unknown } | null)?.value;
      quotable ||=
        name.includes(INLINE) ||
        (/file|directory|name|flow|prefix|account|socket|path|extends/i.test(name) && within(held));
    },
    Scalar(_, { value }) {
      quotable ||= within(value) && /\$\{file:/.test(String(value));
    },
  });
  return quotable;
}

export const config: Target = {
  name: 'config',
  covers: COVERS['config']!,
  maxBytes: 4_096,
  // The YAML library takes quadratic time for keys that occur twice, and its lines are slow while coverage is counted:
  // 12,000 empty ones took 224 ms. An operator's file is no attack.
  runs: [4_000, 12_000],
  maxCpuMs: 1_000,
  words: [
    '${SECRET}',
    '${EMPTY:-x}',
    '${file:/nowhere}',
    '$${',
    INLINE,
    '&a ',
    '*a',
    '<<: *a',
    '!!binary ',
    '? ',
    '|\n  ',
    '>-\n  ',
    '---\n',
    '%YAML 1.2\n',
    '\n  - ',
    '\naccounts:\n  a: { flow: static, credentials: { token: "${SECRET}" } }',
    '\nroutes:\n  - { prefix: /a, upstream: https://h.example, account: a }',
    '\nstore: { type: embedded }',
    '__proto__: ',
    'constructor: ',
  ],
  run(bytes) {
    const text = bytes.toString('utf8');
    if (SYSTEM_FILES.test(text) || (text.match(OPENING)?.length ?? 0) > MAX_OPENING) return;
    const lines = text.split(/\r\n|\r|\n/).length;
    let issues: readonly ConfigIssue[];
    let failed = false;
    try {
      issues = parseConfig(text, ENVIRONMENT).warnings;
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      failed = true;
      ({ issues } = error);
    }
    assert.ok(!failed || issues.length > 0, 'refused without a reason');
    if (issues.length === 0) return;
    const quotable = isQuotable(text);
    for (const issue of issues) checkIssue(issue, lines, quotable);
  },
};
