import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { call } from '../support/call.ts';
import { sandboxConfigObject, temporaryFolder } from '../support/proxy.ts';
import { isSync, requireStrace, serveTraced, type SystemCall, type Traced } from '../support/strace.ts';
import { requireBuild } from '../support/tools.ts';

/*
 * A process that is killed loses nothing that it has written, synced or not; a machine that loses its power does. So
 * this is judged by the order of the program's system calls.
 */
describe('a token that the embedded store keeps', () => {
  let sandbox: Sandbox;
  let folder: string;
  let running: Traced | undefined;
  beforeEach(async () => {
    sandbox = await startSandbox();
    folder = temporaryFolder();
  });
  afterEach(async () => {
    running?.kill();
    running = undefined;
    await sandbox.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('is on the disk before the first byte to the upstream that carries it: after a login, after a refresh', async function () {
    requireBuild(this);
    const strace = requireStrace(this);
    this.timeout(60_000);
    const file = join(folder, 'config.json');
    const data = join(folder, 'data');
    writeFileSync(file, JSON.stringify(sandboxConfigObject(sandbox, data)));
    running = await serveTraced(strace, join(folder, 'trace'), file);
    const secrets: string[] = [];
    for (const kind of ['login', 'refresh'] as const) {
      assert.equal((await call(running.url, '/crm/v1/licenses')).status, 200);
      assert.equal(sandbox.ledger.count({ vendor: 'chatapp', kind }), 1, kind);
      secrets.push(sandbox.chatapp.currentToken()!.accessToken);
      sandbox.chatapp.revokeCurrent();
    }
    const calls = await running.end();
    const store = new StoreFile(calls, join(data, 'tokens.mdb'));
    for (const [index, secret] of secrets.entries()) {
      const generation = index + 1;
      const received = calls.find((one) => isRead(one) && one.text.includes(secret));
      assert.ok(received !== undefined, `generation ${generation}: its response was not seen`);
      const used = calls.find((one) => isSent(one) && one.text.includes(secret));
      assert.ok(used !== undefined, `generation ${generation}: its use was not seen`);
      assert.ok(received.end < used.begin, 'it was used before it came');
      store.wasSynced(`record/crm{`, `\\"generation\\":${generation},`, received, used);
    }
  });
});

const isSocket = ({ text }: SystemCall): boolean => /^\w+\(\d+<(?:TCP|TCPv6):/.test(text);
const isRead = (one: SystemCall): boolean => isSocket(one) && /^(?:read|recv)/.test(one.name);
const isSent = (one: SystemCall): boolean => isSocket(one) && /^(?:write|send)/.test(one.name);

/** What was done to one file. */
class StoreFile {
  readonly #calls: readonly SystemCall[];
  /** Descriptors through which a write is synced when it returns. */
  readonly #syncing: readonly string[];

  constructor(calls: readonly SystemCall[], path: string) {
    this.#calls = calls.filter(({ text }) => text.includes(`<${path}>`));
    this.#syncing = this.#calls
      .filter(({ name, text }) => name === 'openat' && /O_DSYNC|O_SYNC/.test(text))
      .map(({ text }) => / = (\d+)</.exec(text)![1]!);
  }

  /**
   * Between the two calls the row was written, the file was synced, and then the page was written and synced that makes
   * the row count (LMDB's meta page).
   */
  wasSynced(row: string, content: string, after: SystemCall, before: SystemCall): void {
    const between = this.#calls.filter(({ begin, end }) => begin > after.end && end < before.begin);
    const written = between.find((one) => isWrite(one) && hasRow(one, row, content));
    assert.ok(written !== undefined, `${content} was not written before it was used`);
    const synced = between.find((one) => one.begin > written.end && isSync(one));
    assert.ok(synced !== undefined, `${content} was used, and was not synced`);
    const meta = between.find((one) => one.begin > synced.end && isWrite(one));
    assert.ok(meta !== undefined, `${content} was used before its transaction was complete`);
    const metaSynced =
      this.#syncing.includes(/^\w+\((\d+)</.exec(meta.text)![1]!) ||
      between.some((one) => one.begin > meta.end && isSync(one));
    assert.ok(metaSynced, `${content} was used before its transaction was synced`);
  }
}

const isWrite = ({ name }: SystemCall): boolean => name.startsWith('pwrite') || name.startsWith('write');

/** The content stands in the row, and not in another one of the same page. */
function hasRow({ text }: SystemCall, row: string, content: string): boolean {
  const at = text.indexOf(row);
  return at >= 0 && text.slice(at, at + 200).includes(content);
}
