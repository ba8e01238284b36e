import assert from 'node:assert/strict';
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ERROR_CODES, TokenwardError, type ErrorCode } from '../../src/errors.ts';
import { proseOf, textsOf } from '../support/doc-page.ts';
import { Playground } from '../support/playground.ts';
import { requireBuild, requireTool } from '../support/tools.ts';

const PAGE = 'docs/troubleshooting.md';
const TEXT = readFileSync(PAGE, 'utf8');
/** The codes in the first cells of the tables, and the status of each: beside it, or in the heading above. */
const LISTED = TEXT.split(/^#/m).flatMap((section) => {
  const [heading = ''] = section.split('\n');
  const cells = [...section.matchAll(/^\| (`[^|]*?) \|/gm)].map(([, cell]) => cell!);
  return cells.flatMap((cell) =>
    [...cell.matchAll(/`([a-z]+(?:_[a-z]+)*)`(?: (\d{3}))?/g)]
      .filter(([, code]) => (code!.includes('_') && !code!.startsWith('tokenward_')) || code === 'internal')
      .map(([, code, status]) => ({ code: code!, status: Number(status ?? /\d{3}/.exec(heading)?.[0]) })),
  );
});
const isCode = (code: string): code is ErrorCode => (ERROR_CODES as readonly string[]).includes(code);

/** Messages by which a reader finds a place of the page. */
const QUOTES = [
  'upstream cannot be reached',
  'upstream reachable again',
  'was sealed with another key',
  'is not beside it',
  'cannot be opened',
  'the environment variable …',
  'the port is in use',
  'did you mean …',
  'does not cover',
  'is not valid now',
  'There is no authority',
];

/** Commands that the text names and this test does not run, because others do. */
const ELSEWHERE = new Set([
  'tokenward run',
  'tokenward run --check',
  'tokenward run --tunnel HOST',
  'tokenward connect',
]);

describe(PAGE, function () {
  this.timeout(240_000);

  it('leads from every error code to what can be done, and names none that there is not', () => {
    const codes = LISTED.map(({ code }) => code);
    assert.deepEqual(
      codes.filter((code) => !isCode(code)),
      [],
    );
    assert.deepEqual([...new Set(codes)].sort(), [...ERROR_CODES].sort());
    assert.equal(codes.length, ERROR_CODES.length);
    assert.match(TEXT, /\]\(errors\.md\)/);
  });

  it('gives each code its status', () => {
    for (const { code, status } of LISTED) assert.equal(new TokenwardError(code as ErrorCode).status, status, code);
  });

  it('names metrics that there are', () => {
    const metrics = readFileSync('docs/metrics.md', 'utf8');
    const named = new Set([...TEXT.matchAll(/tokenward_[a-z_]+/g)].map(([name]) => name));
    assert.ok(named.size >= 6);
    for (const name of named) assert.ok(metrics.includes(`\`${name}\``), name);
  });

  it('quotes what tokenward says', () => {
    const files = readdirSync('src', { recursive: true }) as string[];
    const said = files.filter((file) => file.endsWith('.ts')).map((file) => readFileSync(join('src', file), 'utf8'));
    for (const quote of QUOTES) {
      assert.ok(TEXT.includes(`\`${quote}`), quote);
      const [begin, end = ''] = quote.split(/…|crm/);
      assert.ok(
        said.some((text) => text.includes(begin!) && text.includes(end)),
        quote,
      );
    }
  });

  it('names causes of a failed connection that tokenward names', () => {
    const [, section] = TEXT.split('### 502 upstream_unreachable');
    const causes = [...section!.split(/^##/m)[0]!.matchAll(/`((?:[A-Z]+_)*[A-Z]{5,}(?:_[A-Z]+)*_?)…?`/g)];
    const known = readFileSync('src/http/client/reason.ts', 'utf8');
    const named = causes.map(([, cause]) => cause!).filter((cause) => !cause.endsWith('_PROXY'));
    assert.ok(named.length >= 9, named.join());
    for (const cause of named) assert.ok(known.includes(cause), cause);
  });

  it('shows commands that work', async function () {
    requireBuild(this);
    requireTool(this, 'curl');
    const here = await Playground.open();
    try {
      await here.play('tokenward sandbox > proxy.config.yaml');
      const file = join(here.folder, 'proxy.config.yaml');
      writeFileSync(file, readFileSync(file, 'utf8').replace(/^(listen:.*) }$/m, '$1, forward: true }'));
      appendFileSync(
        file,
        here.here('  - { host: api.vendor.example, upstream: "http://127.0.0.1:8181", account: softline }\n'),
      );
      assert.equal((await here.play('tokenward ca make')).code, 0);
      assert.equal((await here.play('tokenward serve')).code, 0);
      const lines = textsOf(PAGE, 'sh').flatMap((block) => block.trimEnd().split('\n'));
      assert.ok(lines.length >= 9);
      const inline = [...proseOf(PAGE).matchAll(/`(tokenward (?:[a-z]|-)[^`]*)`/g)].map(([, command]) => command!);
      const commands = [...new Set([...lines, ...inline])].filter((command) => !ELSEWHERE.has(command));
      for (const command of commands) {
        const { code, stderr } = await here.play(command);
        assert.equal(code, 0, `${command}: ${stderr}`);
      }
    } finally {
      await here.close();
    }
  });
});
