import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { LedgerEntry } from '../../src/sandbox/ledger.ts';
import { startSandbox } from '../../src/sandbox/sandbox.ts';
import { blocksOf, missingLines } from '../support/doc-page.ts';
import { Playground, steps } from '../support/playground.ts';
import { requireBuild, requireTool } from '../support/tools.ts';

const PAGE = 'docs/getting-started.md';
const STEPS = steps(blocksOf(PAGE));
/** Of the blocks, the part that needs nothing but the sandbox, and the part with a real vendor. */
const VENDOR = STEPS.findIndex(({ block }) => block.language === 'yaml');
const [INSTALL, ...WITH_SANDBOX] = STEPS.slice(0, VENDOR);
const [FILE, CREDENTIALS, ...WITH_VENDOR] = STEPS.slice(VENDOR);

describe(PAGE, function () {
  this.timeout(60_000);
  let playground: Playground | undefined;
  afterEach(async () => {
    await playground?.close();
    playground = undefined;
  });

  it('installs as the README does, which a test of the README runs', () => {
    assert.ok(readFileSync('README.md', 'utf8').includes(INSTALL!.block.text));
  });

  it('leads from an empty folder to a healed token, and shows what a reader sees', async function () {
    requireBuild(this);
    requireTool(this, 'curl');
    const here = (playground = await Playground.open());
    assert.ok(WITH_SANDBOX.length >= 5);
    for (const { block, shown } of WITH_SANDBOX) {
      const { code, stdout, stderr } = await here.play(block.text);
      assert.equal(code, 0, `${block.text}${stderr}`);
      assert.deepEqual(missingLines(here.here(shown), stdout), [], `${block.text}${stdout}`);
    }
    const ledger = await fetch(here.here('http://127.0.0.1:8180/ledger?vendor=chatapp'));
    const { entries } = (await ledger.json()) as { entries: LedgerEntry[] };
    assert.deepEqual(
      entries.map(({ kind, outcome }) => `${kind} ${outcome}`),
      ['login ok', 'api ok', 'api dead-token', 'refresh ok', 'api ok'],
    );
    const page = await fetch(here.here('http://127.0.0.1:9090/'));
    assert.match(await page.text(), /tokenward/);
  });

  it('asks for the credentials of the vendor in a way that exports them', async () => {
    const here = (playground = await Playground.open());
    const { code, stdout } = await here.play(`${CREDENTIALS!.block.text}env\n`, 'typed-password\n');
    assert.equal(code, 0);
    for (const line of ['CHATAPP_EMAIL=you@example.com', 'CHATAPP_APP_ID=app_1_1', 'CHATAPP_PASSWORD=typed-password'])
      assert.match(stdout, new RegExp(`^${line}$`, 'm'));
  });

  it('does with a real vendor what it says, played before an imitation of it', async function () {
    requireBuild(this);
    requireTool(this, 'curl');
    const sandbox = await startSandbox();
    const { email, password, appId } = sandbox.credentials.chatapp;
    try {
      const env = { CHATAPP_EMAIL: email, CHATAPP_PASSWORD: password, CHATAPP_APP_ID: appId };
      const here = (playground = await Playground.open(env));
      const vendor = 'https://api.chatapp.online';
      const shown = FILE!.block.text;
      assert.ok(shown.includes(vendor));
      const played = shown
        .replaceAll(vendor, sandbox.urls.chatapp)
        .replace('flow: chatapp,', `flow: chatapp, baseUrl: "${sandbox.urls.chatapp}",`);
      here.write('crm.yaml', `${played}listen: { port: 8080 }\noperator: { port: 9090 }\n`);
      assert.equal(WITH_VENDOR.length, 3);
      for (const { block } of WITH_VENDOR) {
        const { code, stdout, stderr } = await here.play(block.text);
        assert.equal(code, 0, `${block.text}${stderr}`);
        if (block.text.includes('--dry-run')) assert.equal(sandbox.ledger.count(), 0);
        if (block.text.startsWith('curl')) assert.match(stdout, /^HTTP\/1\.1 200 OK\r?\n/);
      }
    } finally {
      await sandbox.close();
    }
  });
});
