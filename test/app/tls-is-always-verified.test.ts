import assert from 'node:assert/strict';
import { tokenCallSender } from '../../src/app/token-endpoint-client.ts';
import { TokenCallError } from '../../src/flows/run.ts';
import { RedisStore } from '../../src/tokens/stores/redis.ts';
import { call } from '../support/call.ts';
import { Authority } from '../support/certificates.ts';
import { said, SMALLEST } from '../support/config.ts';
import { freshFolder, writeConfig } from '../support/files.ts';
import { closing, startCustomProxy } from '../support/custom-proxy.ts';
import { fakeTlsUpstream } from '../support/fake-upstream.ts';
import { run } from '../support/process.ts';
import { requireBuild } from '../support/tools.ts';

const NAME = 'NODE_TLS_REJECT_UNAUTHORIZED';

describe(`${NAME}=0`, () => {
  const folder = freshFolder();
  const close = closing();
  let before: string | undefined;
  beforeEach(() => (before = process.env[NAME]));
  afterEach(() => {
    if (before === undefined) Reflect.deleteProperty(process.env, NAME);
    else process.env[NAME] = before;
  });

  it('sends nothing to an upstream, a token endpoint or a Redis whose certificate is not good', async function () {
    const { cert, key } = new Authority(this, folder()).forLoopback();
    const server = await close(fakeTlsUpstream({ cert, key }));
    const proxy = await close(
      startCustomProxy({ routes: [{ prefix: '/api', upstream: server.url, account: 'fixed' }] }),
    );
    process.env[NAME] = '0';
    assert.equal((await call(proxy.url, '/api/a', { method: 'POST', body: 'x' })).status, 502);
    await assert.rejects(
      tokenCallSender({}, () => '')({ method: 'POST', url: `${server.url}/token`, headers: {}, body: 'secret' }),
      (error: unknown) => error instanceof TokenCallError && !error.maybeSent,
    );
    assert.deepEqual(server.seen, []);
    const redis = {
      place: { kind: 'single', url: server.url.replace('https:', 'rediss:') },
      username: undefined,
      password: 'secret',
      keyPrefix: 'x',
      commandTimeout: 500,
      waitReplicas: 0,
      tls: undefined,
    } as const;
    await assert.rejects(RedisStore.open(redis), (error: Error) => /SELF_SIGNED|UNABLE_TO|CERT/.test(error.message));
  });

  it('is refused at the start, and by check: exit 2, with the name of the variable', async function () {
    assert.deepEqual(
      said(SMALLEST, { [NAME]: '0' }).map((one) => one.includes(NAME)),
      [true],
    );
    for (const value of ['1', '']) assert.throws(() => said(SMALLEST, { [NAME]: value }), /was accepted/);
    requireBuild(this);
    const file = writeConfig(folder(), {
      accounts: { a: { flow: 'static', credentials: { token: 't' } } },
      routes: [{ prefix: '/x', upstream: 'https://x.example' }],
    });
    for (const command of ['check', 'serve']) {
      const { code, stderr } = await run([command, '-c', file], { env: { [NAME]: '0' } });
      assert.equal(code, 2);
      assert.match(stderr, new RegExp(NAME));
    }
  });
});
