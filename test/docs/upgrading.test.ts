import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LedgerEntry } from '../../src/sandbox/ledger.ts';
import { proseOf, textsOf } from '../support/doc-page.ts';
import { Playground } from '../support/playground.ts';
import { requireBuild, requireTool } from '../support/tools.ts';

const PAGE = 'docs/upgrading.md';
const [VERSION_AND_CHECK, BEFORE, AFTER, REKEY] = textsOf(PAGE, 'sh');
const READ = 'curl -sf -o read.json http://127.0.0.1:8080/crm/v1/licenses';
const [OLD_KEY, NEW_KEY] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')];

interface Status {
  readonly accounts: readonly { account: string; generation: number; budget?: { remaining: number } }[];
}

describe(PAGE, function () {
  this.timeout(240_000);
  let here: Playground;
  beforeEach(async function () {
    requireBuild(this);
    requireTool(this, 'curl');
    here = await Playground.open({ TOKENWARD_STORE_KEY: NEW_KEY, TOKENWARD_OLD_STORE_KEY: OLD_KEY });
    await play('tokenward sandbox > proxy.config.yaml');
  });
  afterEach(() => here.close());

  const play = async (text: string): Promise<string> => {
    const { code, stdout, stderr } = await here.play(text);
    assert.equal(code, 0, `${text}: ${stderr}`);
    return stdout;
  };
  const logins = async (): Promise<number> => {
    const answer = await fetch(here.here('http://127.0.0.1:8180/ledger?kind=login'));
    return ((await answer.json()) as { entries: LedgerEntry[] }).entries.length;
  };
  const status = (file: string): (readonly [string, number, number | undefined])[] =>
    (JSON.parse(readFileSync(join(here.folder, file), 'utf8')) as Status).accounts.map(
      ({ account, generation, budget }) => [account, generation, budget?.remaining] as const,
    );

  it('shows commands that work before and after a restart, which renews nothing and logs in nowhere', async () => {
    await play('tokenward serve');
    await play(READ);
    assert.match(await play(VERSION_AND_CHECK!), /^\d+\.\d+\.\d+/);
    await play(BEFORE!);
    await here.end();
    await play('tokenward serve');
    assert.match(await play(AFTER!), /"ready":true[\s\S]*tokenward_build_info\{[^}]*version="/);
    await play(BEFORE!.replace('before', 'after'));
    assert.deepEqual(status('after.json'), status('before.json'));
    await play(READ);
    assert.equal(await logins(), 1);
  });

  it("changes the store's key step by step, without a login", async () => {
    const file = join(here.folder, 'proxy.config.yaml');
    const printed = readFileSync(file, 'utf8');
    const [shown] = textsOf(PAGE, 'yaml');
    const withKeys = (keys: string): string => `store: { type: embedded, path: ./data, ${keys} }\n`;
    const former = 'key: "${TOKENWARD_OLD_STORE_KEY}"';
    const stores = [
      withKeys(former),
      withKeys(`${former}, retiredKeys: ["\${TOKENWARD_STORE_KEY}"]`),
      shown!,
      withKeys('key: "${TOKENWARD_STORE_KEY}"'),
    ];
    for (const store of stores) {
      here.write(
        'proxy.config.yaml',
        printed.replace(/^store:.*\n/m, () => store),
      );
      await play('tokenward serve');
      await play(READ);
      if (store === shown) assert.match(await play(REKEY!), /^1 records, 1 sealed again/);
      await here.end();
    }
    assert.equal(await logins(), 1);
  });

  it('says of the version of a record what the code says', () => {
    const [, version] = /^const VERSION = (\d+);$/m.exec(readFileSync('src/tokens/record-form.ts', 'utf8'))!;
    const text = proseOf(PAGE);
    assert.ok(text.includes(`this program writes and knows version ${version!}.`));
    const [, message] = /Its message says `([^`]+)`/.exec(text)!;
    assert.ok(readFileSync('src/tokens/record-form.ts', 'utf8').includes(message!));
  });
});
