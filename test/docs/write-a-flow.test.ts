import assert from 'node:assert/strict';
import type { LedgerEntry } from '../../src/sandbox/ledger.ts';
import { blocksOf, missingLines } from '../support/doc-page.ts';
import { Playground, steps } from '../support/playground.ts';
import { requireBuild, requireTool } from '../support/tools.ts';

const PAGE = 'docs/write-a-flow.md';

describe(PAGE, function () {
  this.timeout(90_000);
  let playground: Playground | undefined;
  afterEach(async () => {
    await playground?.close();
    playground = undefined;
  });

  it('leads from a curl command to a flow that heals a killed token, and shows what a reader sees', async function () {
    requireBuild(this);
    requireTool(this, 'curl');
    const here = (playground = await Playground.open());
    const played = steps(blocksOf(PAGE));
    assert.ok(played.length >= 8);
    for (const { block, shown } of played) {
      if (block.language === 'yaml') {
        here.write('bots.yaml', `${block.text}listen: { port: 8080 }\noperator: { port: 9090 }\n`);
        continue;
      }
      const { code, stdout, stderr } = await here.play(block.text);
      assert.equal(code, 0, `${block.text}${stderr}`);
      assert.deepEqual(missingLines(here.here(shown).trimEnd(), stdout), [], `${block.text}${stdout}`);
    }
    const ledger = await fetch(here.here('http://127.0.0.1:8180/ledger?vendor=twin'));
    const { entries } = (await ledger.json()) as { entries: LedgerEntry[] };
    assert.deepEqual(
      entries.map(({ kind, outcome }) => `${kind} ${outcome}`),
      [
        ...['login ok', 'api dead-token'],
        ...['login ok', 'refresh ok', 'api ok'],
        ...['login ok', 'api ok', 'api dead-token', 'refresh ok', 'api ok'],
      ],
    );
  });
});
