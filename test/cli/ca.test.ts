import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { freshFolder, writeConfig } from '../support/files.ts';
import { run, type Finished } from '../support/process.ts';
import { requireBuild, requireTool } from '../support/tools.ts';
import { execFileSync } from 'node:child_process';

const KEY = Buffer.alloc(32, 1).toString('base64');
const OTHER_KEY = Buffer.alloc(32, 2).toString('base64');

interface Shown {
  readonly generation: number;
  readonly hosts: readonly string[];
  readonly fingerprint: string;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly valid: boolean;
  readonly missing: readonly string[];
}

describe('tokenward ca', function () {
  this.timeout(60_000);
  const folder = freshFolder();
  before(function () {
    requireBuild(this);
  });

  const config = (hosts: readonly string[], store: Readonly<Record<string, unknown>> = {}): string =>
    writeConfig(
      folder(),
      {
        store: { type: 'embedded', path: join(folder(), 'store'), key: KEY, ...store },
        accounts: { a: { flow: 'static', credentials: { token: 'x' } } },
        routes: hosts.map((host, index) => ({
          host,
          prefix: `/r${index}`,
          upstream: `https://${host}/v1`,
          account: 'a',
        })),
      },
      `${hosts.length}-${Object.keys(store).join('-')}.yaml`,
    );
  const ca = (args: string, file: string): Promise<Finished> => run(['ca', ...args.split(' '), '-c', file]);
  const shown = async (file: string): Promise<Shown> => {
    const { code, stdout, stderr } = await ca('show --json', file);
    assert.deepEqual([code, stderr], [0, '']);
    return JSON.parse(stdout) as Shown;
  };

  it('says that there is none, how to make one, and makes no store for that', async () => {
    const file = config(['a.example']);
    for (const args of ['show', 'export'])
      assert.deepEqual(await ca(args, file), {
        code: 1,
        stdout: '',
        stderr: `tokenward: There is no authority. Make one with: tokenward ca make -c ${file}\n`,
      });
    assert.ok(!existsSync(join(folder(), 'store')));
  });

  it("makes one for the routes' hosts, and shows it", async () => {
    const file = config(['a.example', 'B.example', 'a.example', '10.1.2.3']);
    const { code, stdout, stderr } = await ca('make --days 30', file);
    assert.deepEqual([code, stderr], [0, '']);
    const { hosts, fingerprint, notBefore, notAfter, generation, valid, missing } = await shown(file);
    assert.deepEqual([hosts, generation, valid, missing], [['10.1.2.3', 'a.example', 'b.example'], 1, true, []]);
    assert.ok(Math.abs(Date.parse(notAfter) - Date.now() - 30 * 86_400_000) < 60_000, notAfter);
    assert.ok(Date.parse(notBefore) < Date.now());
    const table = (await run(['ca', '-c', file])).stdout;
    assert.equal(stdout, `Made an authority.\n${table}`);
    assert.match(
      table,
      new RegExp(`^hosts +10\\.1\\.2\\.3, a\\.example, b\\.example\\nfingerprint +SHA-256 ${fingerprint}\\n`),
    );
    assert.match(table, /valid until +\S+Z \(\d+ days\)\n$/);
  });

  it('makes a second one only if it is told to', async () => {
    const file = config(['a.example']);
    await ca('make', file);
    const { fingerprint } = await shown(file);
    assert.match((await ca('make', file)).stdout, /^There is one already\.\n/);
    assert.equal((await shown(file)).fingerprint, fingerprint);
    for (const [index, args] of ['renew', 'make --renew'].entries()) {
      const { code, stdout } = await ca(args, file);
      assert.equal(code, 0);
      assert.match(stdout, /^Made a new authority\. Who trusts an earlier one needs this one: tokenward ca export /);
      assert.equal((await shown(file)).generation, index + 2);
    }
    assert.notEqual((await shown(file)).fingerprint, fingerprint);
  });

  it('makes one authority, however many make it at once', async () => {
    const file = config(['a.example']);
    const outputs = await Promise.all(Array.from({ length: 4 }, () => ca('make', file)));
    assert.equal(new Set(outputs.map(({ stdout }) => /SHA-256 (\S+)/.exec(stdout)?.[1])).size, 1);
    assert.equal(outputs.filter(({ stdout }) => stdout.startsWith('Made')).length, 1);
  });

  it('says when the routes have a host that it does not cover, and how to renew it; fewer hosts need nothing', async () => {
    await ca('make', config(['a.example', 'b.example']));
    assert.deepEqual((await shown(config(['b.example']))).missing, []);
    const more = config(['a.example', 'b.example', 'c.example']);
    for (const args of ['show', 'make']) {
      const { code, stdout, stderr } = await ca(args, more);
      assert.equal(code, 1);
      assert.match(stdout, /hosts +a\.example, b\.example\n/);
      assert.equal(
        stderr,
        "tokenward: The authority does not cover c.example, which is among the routes' hosts. Make a new one with: " +
          `tokenward ca renew -c ${more}\n`,
      );
    }
    await ca('renew', more);
    assert.deepEqual((await shown(more)).hosts, ['a.example', 'b.example', 'c.example']);
  });

  it('exports the certificate as PEM, and as a trust store', async function () {
    const keytool = requireTool(this, 'keytool');
    const file = config(['a.example']);
    await ca('make', file);
    const { fingerprint } = await shown(file);
    const { code, stdout, stderr } = await ca('export', file);
    assert.deepEqual([code, stderr], [0, '']);
    assert.equal(new X509Certificate(stdout).fingerprint256, fingerprint);
    const [pem, pkcs12] = [join(folder(), 'ca.pem'), join(folder(), 'ca.p12')];
    const written = await ca(`export -o ${pem} --pkcs12 ${pkcs12} --password secret-enough`, file);
    assert.deepEqual(written, { code: 0, stdout: '', stderr: '' });
    assert.equal(readFileSync(pem, 'utf8'), stdout);
    const list = execFileSync(keytool, ['-list', '-keystore', pkcs12, '-storepass', 'secret-enough'], {
      encoding: 'utf8',
    });
    assert.ok(list.includes('trustedCertEntry') && list.includes(fingerprint), list);
  });

  it('survives rekey, store prune and store copy', async () => {
    const file = config(['a.example']);
    await ca('make', file);
    const before = await shown(file);
    const rekeyed = config(['a.example'], { key: OTHER_KEY, retiredKeys: [KEY] });
    assert.match((await run(['rekey', '-c', rekeyed])).stdout, /^1 records, 1 sealed again/);
    const renamed = config(['a.example'], { key: OTHER_KEY });
    assert.deepEqual(await shown(renamed), before);
    assert.match((await run(['store', 'prune', '-c', renamed])).stdout, /^Nothing to remove/);
    const target = config(['a.example'], { path: join(folder(), 'other') });
    const copy = ['store', 'copy', '--from', renamed, '--to', target];
    const copied = await run(copy);
    assert.equal(copied.code, 0, copied.stderr);
    assert.match(copied.stdout, /^@authority {2}generation 1 {2}copied\n0 accounts, 0 copied; /);
    assert.match((await run(copy)).stdout, /^@authority {2}generation 1 {2}already there\n/);
    assert.deepEqual(await shown(target), before);
    await ca('renew', target);
    assert.equal((await run(copy)).code, 1, 'a newer authority was replaced');
    assert.equal((await run([...copy, '--overwrite'])).code, 0);
    assert.equal((await shown(target)).fingerprint, before.fingerprint);
  });

  for (const [args, message] of [
    ['burn', 'ca cannot "burn"; it can show, make, renew and export'],
    ['make --days 0', '--days must be a whole number from 1 to 3650'],
    ['make --days 1e3', '--days must be a whole number from 1 to 3650'],
    ['make --days 3651', '--days must be a whole number from 1 to 3650'],
  ] as const)
    it(`is wrong usage: ca ${args}`, async () => {
      const { code, stderr } = await ca(args, config(['a.example']));
      assert.deepEqual(
        [code, stderr],
        [2, `tokenward: ${message}. Try: tokenward ca ${args.startsWith('make') ? 'make' : 'show'} --help\n`],
      );
    });

  it('exports no trust store with a password that Java would refuse, and no PEM with one', async () => {
    const file = config(['a.example']);
    await ca('make', file);
    for (const args of [
      '--pkcs12 x.p12 --password short',
      '--pkcs12 x.p12 --password pässwörd',
      '--password secret-enough',
    ]) {
      const { code, stderr } = await ca(`export ${args}`, file);
      assert.equal(code, 2, args);
      assert.match(stderr, /--password (must have|is for)/);
    }
  });

  it('says so where the routes have no host, and where a file cannot be written', async () => {
    const plain = writeConfig(folder(), {
      store: { type: 'embedded', path: join(folder(), 'store'), key: KEY },
      accounts: { a: { flow: 'static', credentials: { token: 'x' } } },
      routes: [{ prefix: '/a', upstream: 'https://a.example', account: 'a' }],
    });
    assert.deepEqual(await ca('make', plain), {
      code: 1,
      stdout: '',
      stderr:
        'tokenward: No route has a host, so there is nothing to sign for. Name the hosts that applications call: ' +
        'routes[].host.\n',
    });
    const file = config(['a.example']);
    await ca('make', file);
    const nowhere = join(folder(), 'none', 'ca.pem');
    assert.deepEqual(await ca(`export -o ${nowhere}`, file), {
      code: 1,
      stdout: '',
      stderr: `tokenward: ${nowhere} cannot be written (ENOENT).\n`,
    });
  });
});
