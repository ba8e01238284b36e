import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { call } from '../../support/call.ts';
import { freshFolder } from '../../support/files.ts';
import { closing, FIXED_TOKEN, startCustomProxy } from '../../support/custom-proxy.ts';
import { fakeUpstream } from '../../support/fake-upstream.ts';
import { dial } from '../../support/wire.ts';
import { headerValues } from '../../support/world.ts';

const SECRET = 'rOuTe-sEcReT-4b7e';

describe('header fields that a route adds', () => {
  const close = closing();
  const folder = freshFolder();

  async function stage(route: object, answer?: Parameters<typeof fakeUpstream>[0]) {
    const upstream = await close(fakeUpstream(answer));
    const proxy = await close(
      startCustomProxy({
        log: { level: 'trace' },
        routes: [{ prefix: '/api', upstream: upstream.url, account: 'fixed', ...route }],
      }),
    );
    const sent = (name: string): string[] => headerValues(upstream.seen.at(-1)!.rawHeaders, name);
    return { upstream, proxy, sent };
  }

  it('go along with every request, next to the token, secrets from files among them', async () => {
    const file = join(folder(), 'key');
    writeFileSync(file, `${SECRET}\n`);
    const { proxy, sent } = await stage({
      headers: { 'X-Client': 'legacy-1', 'X-Api-Key': `\${file:${file}}`, 'X-Name': 'café' },
    });
    for (const [method, body] of [
      ['GET', undefined],
      ['POST', 'x'.repeat(10)],
      ['POST', 'x'.repeat(2 * 1024 * 1024)],
    ] as const) {
      assert.equal((await call(proxy.url, '/api/a', { method, ...(body !== undefined && { body }) })).status, 200);
      assert.deepEqual(
        [sent('x-client'), sent('x-api-key'), sent('x-name'), sent('authorization')],
        [['legacy-1'], [SECRET], ['caf\xe9'], [`Bearer ${FIXED_TOKEN}`]],
      );
    }
  });

  it("take the place of the caller's own, in whatever spelling; Connection does not remove them", async () => {
    const { upstream, proxy, sent } = await stage({
      headers: { 'X-Client': 'legacy-1', Cookie: 'plan=gold', 'User-Agent': 'gateway' },
    });
    await call(proxy.url, '/api/a', {
      headers: {
        'x-client': 'his',
        X_CLIENT: 'his',
        'X-client': ['his', 'his'],
        cookie: 'his=1',
        'user-agent': 'his',
        connection: 'close, X-Client',
        'X-Kept': 'kept',
      },
    });
    assert.deepEqual(
      [sent('x-client'), sent('cookie'), sent('user-agent'), sent('x-kept')],
      [['legacy-1'], ['plan=gold'], ['gateway'], ['kept']],
    );
    assert.ok(!upstream.seen[0]!.rawHeaders.some((text) => /his/.test(text) || /_CLIENT/.test(text)));
  });

  it("may be an Authorization where there is no account; the caller's own stays here all the same", async () => {
    const { upstream, proxy, sent } = await stage({
      account: undefined,
      headers: { Authorization: `Basic ${SECRET}` },
    });
    await call(proxy.url, '/api/a', { headers: { authorization: 'Bearer his' } });
    assert.deepEqual(sent('authorization'), [`Basic ${SECRET}`]);
    assert.ok(!upstream.seen[0]!.rawHeaders.includes('Bearer his'));
  });

  it('do not come back if they are secret, in a field or in the reason phrase; what is no secret does', async () => {
    const { proxy } = await stage(
      {
        headers: { 'X-Api-Key': SECRET, 'X-Auth': `Basic ${SECRET}2`, 'X-Client': 'legacy-one', 'X-Auth-Short': 'ab' },
      },
      (_request, response) => {
        response
          .writeHead(200, `got ${SECRET}`, {
            'X-Echo': SECRET,
            'X-Echo-2': `${SECRET}2`,
            Location: `/b?key=${SECRET}`,
            'X-Client': 'legacy-one',
            'X-Kept': 'about',
          })
          .end();
      },
    );
    const line = await dial(proxy.url);
    line.socket.write('GET /api/a HTTP/1.1\r\nHost: proxy\r\nConnection: close\r\n\r\n');
    const text = await line.closed();
    assert.match(text, /^HTTP\/1\.1 200 /);
    assert.doesNotMatch(text, new RegExp(SECRET));
    const { headers } = await call(proxy.url, '/api/a');
    assert.deepEqual([headers['x-client'], headers['x-kept'], headers['location']], ['legacy-one', 'about', undefined]);
  });

  it('are in no log line, no error, and nowhere on the operator port', async () => {
    const { upstream, proxy } = await stage({ headers: { 'X-Api-Key': SECRET, 'X-Client': 'legacy-one-of-them' } });
    const texts: string[] = [(await call(proxy.url, '/api/a')).text];
    await upstream.close();
    texts.push((await call(proxy.url, '/api/b')).text, (await call(proxy.url, '/api/%2e%2e/c')).text);
    for (const path of ['/status', '/metrics', '/', '/readyz']) texts.push((await call(proxy.operatorUrl, path)).text);
    texts.push((await call(proxy.operatorUrl, '/status')).text, ...proxy.lines);
    for (const text of texts) assert.doesNotMatch(text, new RegExp(`${SECRET}|legacy-one-of-them`));
  });
});
