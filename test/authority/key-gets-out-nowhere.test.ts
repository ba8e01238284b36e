import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readAuthority } from '../../src/authority/record.ts';
import { EmbeddedStore } from '../../src/tokens/stores/embedded.ts';
import { call } from '../support/call.ts';
import { freshFolder, writeConfig } from '../support/files.ts';
import { run, serve, type Served } from '../support/process.ts';
import { requireBuild } from '../support/tools.ts';
import { recordsOf, STORE_KEY } from './world.ts';

/** Every form in which a program might write some bytes, and its name. */
function formsOf(bytes: Buffer): [form: string, needle: string][] {
  // What stays the same in base64 wherever in a longer text the bytes stand: one of three alignments.
  const aligned = [0, 1, 2].map((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes])
      .toString('base64')
      .replaceAll('=', '');
    return encoded.slice(offset === 0 ? 0 : offset + 1, Math.floor(((offset + bytes.length) * 8) / 6));
  });
  return [
    ['raw', bytes.toString('latin1')],
    ['hex', bytes.toString('hex')],
    ['hex with colons', bytes.toString('hex').match(/../g)!.join(':')],
    ['decimal', [...bytes].join(',')],
    ['decimal, spaced', [...bytes].join(', ')],
    ...aligned.map((needle): [string, string] => ['base64', needle]),
    ...aligned.map((needle): [string, string] => ['base64url', needle.replaceAll('+', '-').replaceAll('/', '_')]),
  ];
}

function leaks(secret: Buffer, texts: Readonly<Record<string, string | Buffer>>): string[] {
  // Base64 in lines of 64 characters is still base64.
  const flat = (text: string | Buffer): string[] => {
    const latin1 = text.toString('latin1');
    return [latin1, latin1.toLowerCase(), latin1.replaceAll(/\\n|\s/g, '')];
  };
  return Object.entries(texts).flatMap(([where, text]) =>
    formsOf(secret)
      .filter(([, needle]) => flat(text).some((form) => form.includes(needle)))
      .map(([form]) => `${where} (${form})`),
  );
}

describe("the authority's key", function () {
  this.timeout(60_000);
  const folder = freshFolder();
  let running: Served | undefined;
  afterEach(() => {
    running?.child.kill('SIGKILL');
    running = undefined;
  });

  it('is in no output of a command, no log, no page, no exported file, and not readable in the store', async function () {
    requireBuild(this);
    const path = join(folder(), 'store');
    const settings = {
      listen: { host: '127.0.0.1', port: 0 },
      operator: { host: '127.0.0.1', port: 0 },
      log: { level: 'trace' },
      callers: 'none',
      accounts: { a: { flow: 'static', credentials: { token: 'x' } } },
      routes: [{ host: 'a.example', upstream: 'https://a.example', account: 'a' }],
    };
    const file = writeConfig(folder(), { ...settings, store: { type: 'embedded', path, key: STORE_KEY } });
    const otherKey = Buffer.alloc(32, 3).toString('base64');
    const wrong = writeConfig(
      folder(),
      { ...settings, store: { type: 'embedded', path, key: otherKey } },
      'wrong.yaml',
    );
    const pkcs12 = join(folder(), 'ca.p12');
    const texts: Record<string, string | Buffer> = {};
    for (const args of [
      ['ca', 'make', '-c', file],
      ['ca', '-c', file],
      ['ca', 'show', '--json', '-c', file],
      ['ca', 'export', '-c', file],
      ['ca', 'export', '--pkcs12', pkcs12, '-c', file],
      ['ca', 'show', '-c', wrong],
      ['ca', 'renew', '-c', wrong],
      ['check', '-c', file],
      ['store', 'prune', '--dry-run', '-c', file],
      ['rekey', '-c', file],
    ]) {
      const { stdout, stderr } = await run(args);
      texts[args.join(' ')] = stdout + stderr;
    }
    assert.match(texts[`ca renew -c ${wrong}`] as string, /The authority's record .* was sealed with another key/);
    running = await serve(['-c', file]);
    for (const target of ['/', '/status', '/metrics', '/readyz'])
      texts[target] = (await call(running.operatorUrl, target)).text;
    assert.equal(await running.end(), 0);
    Object.assign(texts, running.output());
    texts['ca.p12'] = readFileSync(pkcs12);
    for (const name of readdirSync(path)) texts[`store/${name}`] = readFileSync(join(path, name));
    assert.ok('store/tokens.mdb' in texts);

    const store = EmbeddedStore.open(path, { ownerIsGone: () => false, now: Date.now });
    const record = await readAuthority(recordsOf(store));
    await store.close();
    const pem = record!.revealKey();
    const { d } = createPrivateKey(pem).export({ format: 'jwk' });
    const secret = Buffer.from(d!, 'base64url');
    assert.deepEqual(leaks(secret, texts), []);
    // Else nothing is proved.
    for (const text of [pem, JSON.stringify({ pem }), secret.toString('hex'), secret])
      assert.notDeepEqual(leaks(secret, { text }), []);
    assert.ok(texts['ca.p12'].length > 500);
  });
});
