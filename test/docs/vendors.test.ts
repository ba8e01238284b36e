import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { PRESETS } from '../../src/flows/presets.ts';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { call } from '../support/call.ts';
import { blocksOf, proseOf, textsOf } from '../support/doc-page.ts';
import { Playground } from '../support/playground.ts';
import { requireBuild, requireTool } from '../support/tools.ts';

interface Vendor {
  readonly name: 'softline' | 'chatapp' | 'twin';
  /** Where its hosts are in the sandbox. */
  readonly hosts: (urls: Sandbox['urls']) => Record<string, string>;
  readonly variables: (credentials: Sandbox['credentials']) => Record<string, string>;
  /** A request that changes nothing, at the API itself. */
  readonly read: string;
  /** How the sandbox kills a token so that the API says what the page shows. */
  readonly kill: (sandbox: Sandbox) => void;
  readonly renewal: 'login' | 'refresh';
  /** An application's own login, through tokenward. */
  readonly ownLogin: string;
}

const VENDORS: readonly Vendor[] = [
  {
    name: 'softline',
    hosts: ({ softline }) => ({ 'https://api.ecommerce.softline.com': softline }),
    variables: ({ softline }) => ({ SOFTLINE_USERNAME: softline.username, SOFTLINE_PASSWORD: softline.password }),
    read: '/v1/order/2001',
    kill: ({ softline }) => softline.revokeCurrent(),
    renewal: 'login',
    ownLogin: '/softline/v1/login_check',
  },
  {
    name: 'chatapp',
    hosts: ({ chatapp }) => ({ 'https://api.chatapp.online': chatapp }),
    variables: ({ chatapp }) => ({
      CHATAPP_EMAIL: chatapp.email,
      CHATAPP_PASSWORD: chatapp.password,
      CHATAPP_APP_ID: chatapp.appId,
    }),
    read: '/v1/licenses',
    kill: ({ chatapp }) => chatapp.revokeCurrent(),
    renewal: 'refresh',
    ownLogin: '/crm/v1/tokens',
  },
  {
    name: 'twin',
    hosts: ({ twin }) => ({
      'https://iam.twin24.ai': twin.iam,
      'https://cis.twin24.ai': twin.cis,
      'https://notify.twin24.ai': twin.notify,
      'https://bot.twin24.ai': twin.bot,
      'https://chat-api.twin24.ai': twin.chatApi,
      'https://analyse.twin24.ai': twin.analyse,
    }),
    variables: ({ twin }) => ({ TWIN_EMAIL: twin.email, TWIN_PASSWORD: twin.password }),
    read: '/api/v1/users/me',
    kill: ({ twin }) => twin.expireCurrent(),
    renewal: 'refresh',
    ownLogin: '/twin/iam/api/v1/auth/login',
  },
];

describe('docs/vendors', function () {
  this.timeout(60_000);
  let sandbox: Sandbox;
  let playground: Playground | undefined;
  beforeEach(async () => {
    sandbox = await startSandbox();
  });
  afterEach(async () => {
    await playground?.close();
    playground = undefined;
    await sandbox.close();
  });

  it('has a page for each vendor', () => {
    assert.deepEqual(readdirSync('docs/vendors').sort(), VENDORS.map(({ name }) => `${name}.md`).sort());
  });

  for (const vendor of VENDORS) {
    const page = `docs/vendors/${vendor.name}.md`;

    it(`${page}: says of the API what the preset says`, () => {
      const { login, refresh, attach, lifetime, budget, legacyLogin, renew } = PRESETS[vendor.name]!;
      const text = readFileSync(page, 'utf8');
      const calls = [login, refresh].flatMap((one) => one ?? []).map(({ url }) => url);
      const facts = [
        ...calls.map((url) => `POST ${url}`),
        ...[attach].flat().flatMap((one) => ('header' in one ? [`\`${one.header}: `] : [])),
        ...legacyLogin.map(({ path }) => path),
        ...(renew === 'on-demand' ? ['`renew: on-demand`'] : []),
        ...(budget ?? []).flatMap((one) =>
          'logins' in one ? [`${one.logins} a day`, `of which ${one.reserve} `] : [],
        ),
        ...(lifetime === undefined ? [] : lifetime === 86_400 ? ['24 hours'] : [String(lifetime)]),
      ];
      assert.ok(facts.length >= 4, facts.join());
      assert.deepEqual(
        facts.filter((fact) => !text.includes(fact)),
        [],
      );
      // What nobody knows stays marked as such.
      assert.match(text, /\| NOT KNOWN \|/);
      assert.equal(budget === undefined, /Limit of logins, limit of requests \| \| NOT KNOWN/.test(text));
    });

    it(`${page}: shows the response to a dead token as the sandbox gives it`, async () => {
      const [shown] = textsOf(page, 'http');
      const [, status] = /^HTTP\/1\.1 (\d+)/.exec(shown!)!;
      const [, body] = shown!.split('\n\n');
      const kind = vendor.name;
      const token = sandbox[kind].issueToken();
      vendor.kill(sandbox);
      const [host] = Object.values(vendor.hosts(sandbox.urls));
      const field = kind === 'softline' ? 'authorizationjwt' : 'authorization';
      const value = kind === 'chatapp' ? token.accessToken : `Bearer ${token.accessToken}`;
      const answer = await call(host!, vendor.read, { headers: { [field]: value } });
      assert.deepEqual([answer.status, answer.text], [Number(status), body!.trim()]);
    });

    it(`${page}: its configuration and commands work, heal a dead token and answer a login`, async function () {
      requireBuild(this);
      requireTool(this, 'curl');
      const here = (playground = await Playground.open(vendor.variables(sandbox.credentials)));
      const [file] = textsOf(page, 'yaml');
      const [start, use, ...more] = textsOf(page, 'sh');
      assert.equal(more.length, 0);
      const name = `${vendor.name}.yaml`;
      here.write(name, file!);
      const [check, serve] = start!.trimEnd().split('\n');
      const checked = await here.play(check!);
      assert.deepEqual([checked.code, checked.stderr], [0, '']);

      // From here on before the sandbox: the hosts are its own, nothing else of the file changes.
      const hosts = Object.entries(vendor.hosts(sandbox.urls));
      let played = file!.replace(/^( +)(flow: .*)$/m, `$1$2\n$1baseUrl: "${hosts[0]![1]}"`);
      for (const [vendors, ours] of hosts) {
        assert.ok(played.includes(vendors), vendors);
        played = played.replaceAll(vendors, ours);
      }
      here.write(name, `${played}operator: { port: 9090 }\n`);
      const served = await here.play(serve!);
      assert.equal(served.code, 0, served.stderr);
      const first = await here.play(use!);
      vendor.kill(sandbox);
      const second = await here.play(use!);
      for (const { code, stdout, stderr } of [first, second]) {
        assert.equal(code, 0, stderr);
        assert.match(stdout, /^HTTP\/1\.1 200 OK\r?\n/);
      }
      const own = await call(here.here('http://127.0.0.1:8080'), vendor.ownLogin, { method: 'POST', body: '{}' });
      assert.equal(own.status, 200);
      const [placeholder] = textsOf(page, 'json');
      if (placeholder !== undefined) assert.equal(own.text.trim(), placeholder.trim());
      const seen = sandbox.ledger.entries({ vendor: vendor.name }).map(({ kind, outcome }) => `${kind} ${outcome}`);
      assert.deepEqual(seen, ['login ok', 'api ok', 'api dead-token', `${vendor.renewal} ok`, 'api ok']);
    });

    it(`${page}: names metrics and commands that there are`, () => {
      const metrics = readFileSync('docs/metrics.md', 'utf8');
      const named = [...proseOf(page).matchAll(/tokenward_[a-z_]+/g)].map(([metric]) => metric);
      assert.ok(named.length >= 4);
      for (const metric of named) assert.ok(metrics.includes(`\`${metric}\``), metric);
      const languages = new Set(blocksOf(page).map(({ language }) => language));
      for (const language of languages) assert.ok(['yaml', 'sh', 'http', 'json'].includes(language), language);
    });
  }
});
