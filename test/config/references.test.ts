import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { load, said, smallest } from '../support/config.ts';
import { freshFolder } from '../support/files.ts';

describe('names in a configuration', () => {
  const folder = freshFolder();

  it('of accounts must exist', () => {
    assert.deepEqual(said(smallest({}).replace('account: shop', 'account: shpo')), [
      'routes.0.account: no account has this name; did you mean "shop"?',
    ]);
    for (const inherited of ['constructor', 'toString', 'hasOwnProperty']) {
      assert.deepEqual(
        said(smallest({}).replace('account: shop', `account: ${inherited}`)),
        ['routes.0.account: no account has this name'],
        inherited,
      );
    }
  });

  it('of flows must exist', () => {
    const complaint = (flow: string): string[] => said(smallest({}).replace('flow: static', `flow: ${flow}`));
    assert.deepEqual(complaint('chatap'), [
      'accounts.shop.flow: no flow has this name; did you mean "chatapp"?; known: softline, chatapp, twin, oauth2, oauth2-refresh, static, and the recipes of docs/recipes',
    ]);
    // Credentials that are like those of the flow that is meant are checked by it.
    assert.deepEqual(
      said(smallest({ credentials: 'email: a, appId: b' }).replace('flow: static', 'flow: chatap')).slice(1),
      ['accounts.shop.credentials: password is missing'],
    );
    assert.deepEqual(complaint('constructor').length, 1);
    assert.deepEqual(
      said(smallest({ top: 'flows: { own: { extends: twin } }' }).replace('flow: static', 'flow: won')),
      [
        'accounts.shop.flow: no flow has this name; did you mean "own"?; known: softline, chatapp, twin, oauth2, oauth2-refresh, static, own, and the recipes of docs/recipes',
      ],
    );
  });

  it('of a flow that has mistakes cause no second complaint', () => {
    assert.deepEqual(said(smallest({ top: 'flows: { own: { extends: twn } }' }).replace('flow: static', 'flow: own')), [
      'flows.own.extends: no flow has this name; did you mean "twin"?; known: softline, chatapp, twin, oauth2, oauth2-refresh, static, and the recipes of docs/recipes',
    ]);
  });

  it('of credentials are those the flow asks for', () => {
    assert.deepEqual(said(smallest({ credentials: '' })), ['accounts.shop.credentials: token is missing']);
    assert.deepEqual(said(smallest({ credentials: 'token: ""' })), ['accounts.shop.credentials: token is missing']);
    assert.deepEqual(said(smallest({ credentials: 'token:' })), ['accounts.shop.credentials: token is missing']);
    assert.deepEqual(
      said(smallest({}).replace('flow: static, credentials: { token: secret }', 'flow: chatapp')),
      ['email', 'password', 'appId'].map((name) => `accounts.shop.credentials: ${name} is missing`),
    );
  });

  it('of prefixes are used once', () => {
    const text = `${smallest({})}\n  - { prefix: /other, upstream: https://shop.example }\n  - { prefix: /shop, upstream: https://other.example }`;
    assert.deepEqual(said(text), ['routes.2.prefix: is used twice (also by routes[0])']);
    load(text.replace('prefix: /shop, upstream: https://other', 'prefix: /SHOP, upstream: https://other'));
  });

  it('of prefixes are plain paths', () => {
    for (const prefix of ['', 'crm', '/crm/', '//crm', '/c rm', '/crm?x', '/%63rm', '/a//b']) {
      assert.deepEqual(
        said(smallest({}).replace('prefix: /shop', `prefix: "${prefix}"`)),
        ['routes.0.prefix: must be a plain path such as /crm, without a slash at its end'],
        prefix,
      );
    }
    for (const prefix of ['/', '/a', '/a/b.c/d_e~f-@1'])
      load(smallest({}).replace('prefix: /shop', `prefix: "${prefix}"`));
  });

  it('of upstreams are http or https URLs without user, query and fragment', () => {
    const complaint = (url: string): string[] => said(smallest({}).replace('https://shop.example', `"${url}"`));
    assert.deepEqual(complaint('shop.example/v1'), [
      'routes.0.upstream: must be an http:// or https:// URL: add https:// at its beginning',
    ]);
    for (const url of ['ftp://shop.example', 'https://', '/shop', 'file:///etc/passwd', 'javascript:1'])
      assert.deepEqual(complaint(url), ['routes.0.upstream: must be an http:// or https:// URL'], url);
    for (const url of [
      'https://*.shop.example',
      'https://*',
      'https://{tenant}.shop.example',
      'https://shop.example,other.example',
      'https://*.shop.example/v1',
    ])
      assert.deepEqual(
        complaint(url),
        ['routes.0.upstream: must name one host: "*" and "{…}" have no meaning there'],
        url,
      );
    for (const url of [
      'https://[::1]:8443',
      'https://10.0.0.1',
      'https://shop_1.example',
      'https://münchen.example',
      'https://shop.example.',
    ])
      load(smallest({}).replace('https://shop.example', `"${url}"`));
    for (const url of [
      'https://a@shop.example',
      'https://a:b@shop.example',
      'https://shop.example/?a=b',
      'https://shop.example/#a',
      'https://shop.example/?',
      'https://shop.example/#',
    ])
      assert.deepEqual(complaint(url), ['routes.0.upstream: must have no user, password, query or fragment'], url);
  });

  it('of upstreams are patterns only where the flow of the account names the upstream, wherever the account is', () => {
    const at = folder();
    const lines = ['fixed', 'named'].map((flow) => JSON.stringify({ name: `of-${flow}`, flow, credentials: {} }));
    writeFileSync(join(at, 'accounts.jsonl'), lines.join('\n'));
    const answer = '{ token: /token, host: /host }';
    const flow = (more: string): string =>
      `{ login: { url: "https://id.example/login", json: {}, answer: ${answer} }, attach: [{ header: Authorization }, { header: X, value: "{host}" }]${more} }`;
    const document = (route: string): string =>
      [
        `flows: { fixed: ${flow('')}, named: ${flow(', upstream: "{host}"')} }`,
        `accountsFrom: { file: ${join(at, 'accounts.jsonl')} }`,
        'accounts: { inline: { flow: fixed } }',
        `routes: [{ prefix: /x, upstream: "https://*.shop.example/v1", ${route} }]`,
      ].join('\n');
    for (const route of ['account: inline', 'account: of-fixed', 'accountFrom: { flow: fixed, header: X-Account }'])
      assert.deepEqual(
        said(document(route)),
        ['routes.0.upstream: must name one host: "*" and "{…}" have no meaning there'],
        route,
      );
    for (const route of ['account: of-named', 'accountFrom: { flow: named, header: X-Account }']) load(document(route));
  });

  it('of token URLs in credentials likewise', () => {
    const oauth2 = (url: string): string =>
      smallest({}).replace(
        'flow: static, credentials: { token: secret }',
        `flow: oauth2, credentials: { tokenUrl: "${url}", clientId: a }`,
      );
    for (const url of ['login.example', 'ftp://login.example', 'https://a:b@login.example', 'https://*.login.example'])
      assert.deepEqual(
        said(oauth2(url)),
        ['accounts.shop.credentials.tokenUrl: must be an http:// or https:// URL without user and password'],
        url,
      );
    load(oauth2('https://login.example/token?tenant=7'));
  });

  it('of ports are two different ones', () => {
    assert.deepEqual(said(smallest({ top: 'listen: { port: 9090 }' })), ['operator.port: is the same as listen.port']);
    assert.deepEqual(said(smallest({ top: 'operator: { port: "8080" }' })), [
      'operator.port: is the same as listen.port',
    ]);
    load(smallest({ top: 'listen: { port: 0 }\noperator: { port: 0 }' }));
  });
});
