import assert from 'node:assert/strict';
import { dial } from '../../support/wire.ts';
import { freshWorld, headerValues, VENDORS } from '../../support/world.ts';

describe('what a caller sends as credentials', () => {
  const world = freshWorld();

  const names = [
    'Authorization',
    'authorization',
    'AUTHORIZATION',
    'AuthorizationJWT',
    'authorizationjwt',
    'Authorization_JWT',
    'Authorization-Jwt',
    'authorization_jwt',
    'Refresh',
    'REFRESH',
    'Proxy-Authorization',
    'Proxy_Authorization',
    'X-Tokenward-Key',
    'X_Tokenward-Key',
  ];
  for (const { vendor, read } of VENDORS) {
    it(`${vendor}: never travels, in whatever spelling; only our own token does`, async () => {
      const { sandbox, proxy } = world();
      const line = await dial(proxy.url);
      line.socket.write(
        `GET ${read} HTTP/1.1\r\nHost: proxy\r\n${names.map((name) => `${name}: Bearer caller-canary\r\n`).join('')}X-Other: kept\r\nConnection: close\r\n\r\n`,
      );
      assert.match(await line.closed(), /^HTTP\/1\.1 200 /);
      const { rawHeaders, tokenId } = sandbox.ledger.last({ vendor, kind: 'api' })!;
      assert.equal(tokenId, `${vendor}#1`);
      assert.deepEqual(headerValues(rawHeaders, 'x-other'), ['kept']);
      const own = vendor === 'softline' ? 'AuthorizationJWT' : 'Authorization';
      const credentials = rawHeaders.filter(
        (name, index) =>
          index % 2 === 0 &&
          /^(authorization|authorizationjwt|refresh|proxyauthorization|xtokenwardkey)$/.test(
            name.toLowerCase().replaceAll(/[-_]/g, ''),
          ),
      );
      assert.deepEqual(credentials, [own]);
      assert.doesNotMatch(rawHeaders.join('\n'), /caller-canary/);
      // The ledger writes unknown secrets as a digest: none may have come.
      assert.doesNotMatch(rawHeaders.join('\n'), /<unknown /);
    });
  }

  it('a caller cannot have our token removed by naming its header in Connection', async () => {
    const { sandbox, proxy } = world();
    for (const header of ['AuthorizationJWT', 'authorizationjwt, Host', 'close, AuthorizationJWT']) {
      const line = await dial(proxy.url);
      line.socket.write(`GET /softline/v1/order/77 HTTP/1.1\r\nHost: proxy\r\nConnection: ${header}\r\n\r\n`);
      await line.until(/order_id/);
      line.socket.destroy();
    }
    assert.equal(sandbox.ledger.count({ vendor: 'softline', kind: 'api', tokenId: 'softline#1', outcome: 'ok' }), 3);
  });
});

describe('hop-by-hop fields', () => {
  const world = freshWorld();

  it('of a request end here, and so do those that Connection lists', async () => {
    const { sandbox, proxy } = world();
    const line = await dial(proxy.url);
    line.socket.write(
      'GET /crm/v1/licenses HTTP/1.1\r\nHost: proxy\r\nConnection: close, X-Hop, x-HOP-two\r\nX-Hop: 1\r\nX-Hop-Two: 2\r\nX-Hop-Three: 3\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nTE: trailers\r\nTrailer: X-Sum\r\nX-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Host: inside\r\nForwarded: for=10.0.0.1\r\nX-Real-IP: 10.0.0.1\r\n\r\n',
    );
    assert.match(await line.closed(), /^HTTP\/1\.1 200 /);
    const { rawHeaders } = sandbox.ledger.last({ vendor: 'chatapp', kind: 'api' })!;
    const names = rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
    assert.ok(names.includes('x-hop-three'));
    for (const name of [
      'x-hop',
      'x-hop-two',
      'keep-alive',
      'proxy-connection',
      'te',
      'trailer',
      'upgrade',
      'x-forwarded-for',
      'x-forwarded-host',
      'forwarded',
      'x-real-ip',
    ])
      assert.ok(!names.includes(name), name);
    assert.deepEqual(headerValues(rawHeaders, 'host'), [new URL(sandbox.urls.chatapp).host]);
  });

  it('of a reply end here too, with challenges and cookies, and so do those that Connection lists', async () => {
    const { sandbox } = world();
    sandbox.chatapp.set({
      apiOverride: {
        status: 200,
        body: 'ok',
        headers: {
          connection: 'X-Hop',
          'x-hop': '1',
          'x-kept': '2',
          'keep-alive': 'timeout=5',
          'proxy-authenticate': 'Basic',
          'www-authenticate': 'Bearer realm="upstream"',
          'set-cookie': ['a=1', 'b=2'],
          'authentication-info': 'x',
          upgrade: 'h2c',
        },
      },
    });
    const answer = await world().call('/crm/v1/licenses');
    assert.equal(answer.headers['x-kept'], '2');
    for (const name of [
      'x-hop',
      'proxy-authenticate',
      'www-authenticate',
      'set-cookie',
      'authentication-info',
      'upgrade',
    ])
      assert.equal(answer.headers[name], undefined, name);
  });

  it('a reply field that repeats our token does not reach the caller', async () => {
    const { sandbox } = world();
    await world().call('/crm/v1/licenses');
    const { accessToken } = sandbox.chatapp.currentToken()!;
    sandbox.chatapp.set({
      apiOverride: {
        status: 200,
        body: 'ok',
        headers: { 'x-echo': `got ${accessToken}`, authorization: accessToken, 'x-kept': '1' },
      },
    });
    const answer = await world().call('/crm/v1/licenses');
    assert.equal(answer.headers['x-kept'], '1');
    assert.ok(!answer.rawHeaders.join('\n').includes(accessToken));
  });

  it("a caller's other fields arrive in their order and spelling, repeated ones included", async () => {
    const { sandbox, proxy } = world();
    const line = await dial(proxy.url);
    line.socket.write(
      'GET /crm/v1/licenses HTTP/1.1\r\nHost: proxy\r\nX-Odd-CASE: 1\r\nLang: ru\r\nx-odd-case: 2\r\nAccept: */*\r\nX-Empty:\r\nX-Latin: caf\xe9\r\nConnection: close\r\n\r\n',
      'latin1',
    );
    assert.match(await line.closed(), /^HTTP\/1\.1 200 /);
    const { rawHeaders } = sandbox.ledger.last({ vendor: 'chatapp', kind: 'api' })!;
    const at = rawHeaders.indexOf('X-Odd-CASE');
    assert.deepEqual(rawHeaders.slice(at, at + 12), [
      'X-Odd-CASE',
      '1',
      'Lang',
      'ru',
      'x-odd-case',
      '2',
      'Accept',
      '*/*',
      'X-Empty',
      '',
      'X-Latin',
      'caf\xe9',
    ]);
  });

  it('codings that could not be looked into are not asked for where replies are looked into', async () => {
    const { sandbox } = world();
    for (const [sent, arrives] of [
      ['zstd, gzip, br;q=0.5', 'gzip, br;q=0.5'],
      ['zstd', 'identity'],
      ['*', 'identity'],
    ] as const) {
      await world().call('/crm/v1/licenses', { headers: { 'accept-encoding': sent } });
      assert.deepEqual(headerValues(sandbox.ledger.last({ kind: 'api' })!.rawHeaders, 'accept-encoding'), [arrives]);
    }
    await world().call('/twin/iam/api/v1/users/me', { headers: { 'accept-encoding': 'zstd' } });
    assert.deepEqual(
      headerValues(sandbox.ledger.last({ vendor: 'twin', kind: 'api' })!.rawHeaders, 'accept-encoding'),
      ['zstd'],
    );
  });
});
