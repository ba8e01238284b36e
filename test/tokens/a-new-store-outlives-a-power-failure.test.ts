import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { sandboxConfigObject, temporaryFolder } from '../support/proxy.ts';
import { isSync, requireStrace, serveTraced, type SystemCall, type Traced } from '../support/strace.ts';
import { requireBuild } from '../support/tools.ts';

describe('a new embedded store', () => {
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

  it('outlives a power failure: its folders, its key and its file are synced before tokenward is up', async function () {
    requireBuild(this);
    const strace = requireStrace(this);
    this.timeout(60_000);
    const file = join(folder, 'config.json');
    const data = join(folder, 'deeper', 'data');
    writeFileSync(file, JSON.stringify(sandboxConfigObject(sandbox, data)));
    running = await serveTraced(strace, join(folder, 'trace'), file);
    const calls = await running.end();
    const up = calls.find(({ name, text }) => name.startsWith('write') && text.includes('tokenward is up'))!;
    const all = calls.filter(({ end }) => end < up.begin);
    const first = (what: string, is: (one: SystemCall) => boolean): SystemCall => {
      const found = all.find(is);
      assert.ok(found !== undefined, `it was not seen: ${what}`);
      return found;
    };
    const synced = (path: string, since: SystemCall, what: string): SystemCall =>
      first(what, (one) => isSync(one) && one.text.includes(`<${path}>`) && one.begin > since.end);

    for (const [parent, path] of [
      [folder, join(folder, 'deeper')],
      [join(folder, 'deeper'), data],
    ] as const)
      synced(
        parent,
        first(`${path} is made`, ({ name, text }) => name === 'mkdir' && text.includes(`"${path}"`)),
        `${parent} is synced, so that ${path} is in it`,
      );

    const linked = first(
      'the key is put in its place',
      ({ name, text }) => /^link/.test(name) && text.includes(`"${join(data, 'store.key')}"`),
    );
    const draft = /"([^"]+)"/.exec(linked.text)![1]!;
    const written = first('the key is written', ({ name, text }) => name === 'write' && text.includes(`<${draft}>`));
    const keySynced = synced(draft, written, 'the key is synced');
    assert.ok(keySynced.end < linked.begin, 'the key was in its place before its content was synced');
    synced(data, linked, 'the folder is synced, so that the key is in it');

    const made = first(
      'the file is made',
      ({ name, text }) =>
        name === 'openat' && text.includes(`"${join(data, 'tokens.mdb')}"`) && text.includes('O_CREAT'),
    );
    synced(data, made, 'the folder is synced, so that the file is in it');
  });
});
