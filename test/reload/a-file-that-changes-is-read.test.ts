import assert from 'node:assert/strict';
import { mkdirSync, renameSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SourceWatch } from '../../src/app/watch-sources.ts';
import { ConfigError, loadConfig, type LoadedConfig } from '../../src/config/load.ts';
import { eventually } from '../support/eventually.ts';
import { freshFolder } from '../support/files.ts';
import { freshProgram } from './reloadable-program.ts';

const INTERVAL = 15;

describe('watch: true, and a file from which the configuration was read changes', () => {
  const folder = freshFolder();
  let watch: SourceWatch;
  let changes: number;
  beforeEach(() => {
    changes = 0;
  });
  afterEach(() => watch.stop());

  const text = (path: string): string =>
    JSON.stringify({
      accountsFrom: { directory: join(folder(), 'accounts') },
      accounts: { fixed: { flow: 'static', credentials: { token: `\${file:${path}}` } } },
      routes: [{ prefix: '/a', upstream: 'https://a.example', account: 'fixed' }],
    });

  function begin(file: string): LoadedConfig {
    const config = loadConfig(file, {});
    watch = new SourceWatch(() => void (changes += 1), INTERVAL);
    watch.watch(config.source.stamps);
    return config;
  }

  function plain(): string {
    const file = join(folder(), 'c.yaml');
    mkdirSync(join(folder(), 'accounts'));
    writeFileSync(join(folder(), 'secret'), 'first');
    writeFileSync(file, text(join(folder(), 'secret')));
    return file;
  }

  const noticed = (): Promise<void> => eventually('it is noticed', () => changes === 1);

  it('the file itself, written in place', async () => {
    const file = plain();
    begin(file);
    await sleep(INTERVAL * 5);
    assert.equal(changes, 0);
    writeFileSync(file, `${text(join(folder(), 'secret'))}\n`);
    await noticed();
  });

  it('the file itself, replaced as an editor does it', async () => {
    const file = plain();
    begin(file);
    writeFileSync(`${file}~`, text(join(folder(), 'secret')));
    renameSync(`${file}~`, file);
    await noticed();
  });

  it('a file with a secret; an included file that comes', async () => {
    begin(plain());
    writeFileSync(join(folder(), 'secret'), 'second');
    await noticed();
    watch.stop();
    changes = 0;
    begin(join(folder(), 'c.yaml'));
    writeFileSync(join(folder(), 'accounts', 'more.yaml'), '{}');
    await noticed();
  });

  it('the link ..data, as Kubernetes swaps it', async () => {
    mkdirSync(join(folder(), 'accounts'));
    const mount = join(folder(), 'mount');
    for (const version of ['..one', '..two']) {
      mkdirSync(join(mount, version), { recursive: true });
      writeFileSync(join(mount, version, 'secret'), `token ${version}`);
      writeFileSync(join(mount, version, 'c.yaml'), text(join(mount, 'secret')));
    }
    symlinkSync('..one', join(mount, '..data'));
    for (const name of ['secret', 'c.yaml']) symlinkSync(join('..data', name), join(mount, name));
    const before = begin(join(mount, 'c.yaml'));
    symlinkSync('..two', join(mount, '..data_tmp'));
    renameSync(join(mount, '..data_tmp'), join(mount, '..data'));
    await noticed();
    const after = loadConfig(join(mount, 'c.yaml'), {});
    assert.equal(after.accounts['fixed']!.credentials['token'], 'token ..two');
    assert.notEqual(after.source.hash, before.source.hash);
  });

  it('a change between reading and watching counts as well', async () => {
    const config = loadConfig(plain(), {});
    writeFileSync(join(folder(), 'secret'), 'changed in between');
    watch = new SourceWatch(() => void (changes += 1), INTERVAL);
    watch.watch(config.source.stamps);
    await noticed();
  });

  it('nothing is read while it is still being written', async () => {
    const file = plain();
    begin(file);
    for (let piece = 0; piece < 12; piece += 1) {
      writeFileSync(file, text(join(folder(), 'secret')) + ' '.repeat(piece));
      await sleep(INTERVAL / 2);
      assert.equal(changes, 0);
    }
    await noticed();
  });

  it('a file that a mistaken configuration names first is watched for its correction', () => {
    const file = plain();
    unlinkSync(join(folder(), 'secret'));
    watch = new SourceWatch(() => undefined, INTERVAL);
    try {
      loadConfig(file, {});
      assert.fail('it has a mistake');
    } catch (error) {
      assert.ok(error instanceof ConfigError);
      assert.deepEqual(error.sources.get(join(folder(), 'secret')), 'none');
    }
  });

  describe('in the program', function () {
    this.timeout(60_000);
    const program = freshProgram();

    it('is reloaded by itself; a bad file changes nothing, and its correction is noticed', async function () {
      const { sandbox, served, configure, lines } = await program(this, { watch: true });
      watch = new SourceWatch(() => undefined);
      const shop = { prefix: '/shop', upstream: sandbox.urls.softline, account: 'softline' };
      const outcomes = (): string[] => lines().flatMap(({ trigger, msg }) => (trigger === 'file' ? [msg] : []));
      configure('{ "listen": ');
      await eventually('the mistake is told', () => outcomes().length === 1, 20_000);
      configure({ routes: [shop] });
      await eventually('it is in use', () => outcomes().length === 2, 20_000);
      assert.deepEqual(outcomes(), [
        'the configuration was not reloaded; nothing has changed',
        'the configuration was reloaded',
      ]);
      assert.equal((await fetch(`${served.url}/shop/v1/order/77`)).status, 200);
    });
  });
});
