import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { call } from '../support/call.ts';
import { eventually } from '../support/eventually.ts';
import { fakeUpstream, type FakeUpstream } from '../support/fake-upstream.ts';
import { freshFolder, writeConfig } from '../support/files.ts';
import { run } from '../support/process.ts';
import { answerOf, startServe, type Starting } from '../support/starting.ts';
import { requireBuild } from '../support/tools.ts';
import { freePort } from '../support/wire.ts';

describe('a start while a file is not there yet', function () {
  this.timeout(90_000);
  const folder = freshFolder();
  let upstream: FakeUpstream;
  let one: Starting | undefined;
  before(async function () {
    requireBuild(this);
    upstream = await fakeUpstream();
  });
  after(() => upstream?.close());
  afterEach(async () => {
    one?.child.kill('SIGKILL');
    await one?.ended();
    one = undefined;
  });

  const secret = (): string => join(folder(), 'token');
  /** At once whole, as programs that write secrets do. */
  const appear = (path: string, text: string): void => {
    writeFileSync(`${path}.part`, text);
    renameSync(`${path}.part`, path);
  };

  async function configured(more: object = {}): Promise<{ file: string; proxy: string; operator: string }> {
    const [proxy, operator] = [await freePort(), await freePort()];
    const file = writeConfig(folder(), {
      listen: { host: '127.0.0.1', port: proxy },
      operator: { host: '127.0.0.1', port: operator },
      store: { type: 'embedded', path: join(folder(), 'store') },
      accounts: { fixed: { flow: 'static', credentials: { token: `\${file:${secret()}}` } } },
      routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed' }],
      ...more,
    });
    return { file, proxy: `http://127.0.0.1:${proxy}`, operator: `http://127.0.0.1:${operator}` };
  }

  for (const workers of [1, 2]) {
    it(`with a secret, ${workers} process(es): is alive and not ready, says why, and serves with it`, async () => {
      const { file, proxy, operator } = await configured({ workers });
      one = startServe(file);
      await eventually(
        'the operator port responds',
        async () => (await answerOf(`${operator}/healthz`))?.status === 200,
      );
      const { status, text } = (await answerOf(`${operator}/readyz`))!;
      assert.equal(status, 503);
      assert.match(text, /accounts\.fixed\.credentials\.token: the file \S+\/token cannot be read \(ENOENT\)/);
      assert.equal((await answerOf(`${operator}/status`))?.status, 503);
      appear(secret(), 'from-the-file\n');
      await eventually('it is ready', async () => (await answerOf(`${operator}/readyz`))?.status === 200, 30_000);
      assert.equal((await call(proxy, '/api/x')).status, 200);
      assert.ok(upstream.seen.at(-1)?.rawHeaders.includes('Bearer from-the-file'));
      one.child.kill('SIGTERM');
      assert.equal(await one.ended(), 0, one.stderr());
    });
  }

  it('with a certificate: waits in the same way', async () => {
    const path = join(folder(), 'cert.pem');
    const { file, operator } = await configured({
      listen: { host: '127.0.0.1', port: 0, tls: { certFile: path, keyFile: join(folder(), 'key.pem') } },
    });
    appear(secret(), 'there');
    one = startServe(file);
    await eventually('it says why', async () => (await answerOf(`${operator}/readyz`))?.text.includes(path) === true);
    // A file that is there and wrong is an error at once.
    appear(path, 'no certificate');
    appear(join(folder(), 'key.pem'), 'no key');
    assert.equal(await one.ended(), 1);
    assert.match(one.stderr(), /^tokenward: \S+cert\.pem, \S+key\.pem cannot be used for TLS/m);
  });

  it("with the operator's key and the store's: waits, and lets nobody act meanwhile", async () => {
    const [digest, storeKey] = [join(folder(), 'digest'), join(folder(), 'store-key')];
    const { file, operator } = await configured();
    const written = JSON.parse(readFileSync(file, 'utf8')) as { operator: object; store: object };
    Object.assign(written.operator, { key: `\${file:${digest}}` });
    Object.assign(written.store, { key: `\${file:${storeKey}}` });
    writeFileSync(file, JSON.stringify(written));
    one = startServe(file);
    await eventually('it says why', async () => /digest/.test((await answerOf(`${operator}/readyz`))?.text ?? ''));
    const reload = async (): Promise<number> => (await fetch(`${operator}/reload`, { method: 'POST' })).status;
    assert.equal(await reload(), 503);
    appear(secret(), 'there');
    appear(storeKey, Buffer.alloc(32, 'k').toString('base64'));
    appear(digest, `sha256:${createHash('sha256').update('the-key').digest('hex')}`);
    await eventually('it is ready', async () => (await answerOf(`${operator}/readyz`))?.status === 200, 30_000);
    assert.equal(await reload(), 401);
  });

  it('ends with 2 and the error when startup.wait is over', async () => {
    const { file } = await configured({ startup: { wait: '1s' } });
    one = startServe(file);
    assert.equal(await one.ended(), 2);
    assert.match(one.stderr(), /the start gives up: startup\.wait is over/);
    assert.match(one.stderr(), /accounts\.fixed\.credentials\.token: the file \S+\/token cannot be read \(ENOENT\)/);
  });

  it('does not wait if something else is wrong as well, or if it is told not to', async () => {
    for (const more of [{ startup: { wait: 0 } }, { unknown: true }]) {
      const { file } = await configured(more);
      one = startServe(file);
      assert.equal(await one.ended(), 2);
      assert.doesNotMatch(one.stderr(), /waiting/);
    }
  });

  it('SIGTERM ends the wait with 0, and check does not wait', async () => {
    const { file, operator } = await configured();
    one = startServe(file);
    await eventually('it waits', async () => (await answerOf(`${operator}/readyz`))?.status === 503);
    one.child.kill('SIGTERM');
    assert.equal(await one.ended(), 0, one.stderr());
    assert.equal((await run(['check', '-c', file])).code, 2);
  });
});
