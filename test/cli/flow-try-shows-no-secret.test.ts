import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Canaries } from '../support/canary.ts';
import { closing } from '../support/custom-proxy.ts';
import { fakeUpstream } from '../support/fake-upstream.ts';
import { freshFolder, writeConfig } from '../support/files.ts';
import { run } from '../support/process.ts';
import { requireBuild } from '../support/tools.ts';

const CORES = {
  password: 'cAnArYpassword1111',
  'client secret': 'cAnArYclient2222',
  'secret by its use': 'cAnArYbasic3333',
  'secret from a file': 'cAnArYfile4444',
  'fixed token': 'cAnArYfixed5555',
  'hmac key': 'cAnArYhmacKey6666',
  'fixed key in a header field': 'cAnArYheader7777',
  'field of the route': 'cAnArYroute8888',
  'access token': 'cAnArYaccess9999',
  'refresh token': 'cAnArYrefresh1010',
  'second access token': 'cAnArYsecond1212',
  'value of an answer': 'cAnArYvalue1313',
  'unused value of an answer': 'cAnArYunused1414',
  'cookie of an answer': 'cAnArYcookie1515',
  'field of an answer': 'cAnArYfield1616',
  'name of a field': 'cAnArYname123456',
  'value in a list': 'cAnArYlist1717',
  'value of the API': 'cAnArYapi1818',
} as const;
const canaries = new Canaries(CORES);
/** Characters that change where they are encoded. */
const around = (core: string): string => `<"${core}&+ é'>`;
const PASSWORD = around(CORES.password);

/** How the token endpoint answers. */
type Mode = 'granted' | 'form' | 'xml' | 'text' | 'quoted' | 'page' | 'moved' | 'empty';

describe('tokenward flow try', function () {
  this.timeout(120_000);
  const folder = freshFolder();
  const close = closing();
  let mode: Mode;

  function login(request: IncomingMessage, response: ServerResponse, body: string): unknown {
    const all = `${body} ${JSON.stringify(request.rawHeaders)} ${request.url ?? ''}`;
    const type = (value: string): Record<string, string> => ({ 'content-type': value });
    switch (mode) {
      case 'granted':
        return response
          .writeHead(200, {
            ...type('application/json'),
            'set-cookie': `sid=${CORES['cookie of an answer']}; Path=/`,
            'x-session': CORES['field of an answer'],
          })
          .end(
            JSON.stringify({
              token: request.url === '/login' ? CORES['access token'] : CORES['second access token'],
              refresh: CORES['refresh token'],
              tenant: CORES['value of an answer'],
              other: { text: CORES['unused value of an answer'], [CORES['name of a field']]: 1 },
              list: [{ name: CORES['value in a list'] }],
              echo: body,
              ttl: 60,
            }),
          );
      case 'form':
        return response
          .writeHead(200, type('application/x-www-form-urlencoded'))
          .end(new URLSearchParams({ token: CORES['access token'], echo: body }).toString());
      case 'xml':
        return response
          .writeHead(200, type('text/xml'))
          .end(
            `<a id="${CORES['field of an answer']}"><token>${CORES['access token']}</token><b>${CORES.password}</b></a>`,
          );
      case 'text':
        return response.writeHead(200, type('text/plain')).end(CORES['access token']);
      case 'quoted':
        return response
          .writeHead(401, { ...type('application/json'), 'www-authenticate': `Basic realm="${CORES.password}"` })
          .end(JSON.stringify({ error: CORES['client secret'], error_description: all, [CORES.password]: all }));
      case 'page':
        return response.writeHead(403, type('text/html')).end(`<html>${all}</html>`);
      case 'moved':
        return response.writeHead(302, { location: `/x?p=${CORES.password}`, 'retry-after': CORES.password }).end();
      default:
        return response.writeHead(200, type(`text/${CORES.password}`)).end();
    }
  }

  it('prints no secret of the configuration or of an answer, whatever happens', async function () {
    requireBuild(this);
    writeFileSync(join(folder(), 'secret'), CORES['secret from a file']);
    const upstream = await close(
      fakeUpstream((request, response, body) => {
        if (/^\/(login|refresh)/.test(request.url ?? '')) return login(request, response, body);
        return response
          .writeHead(request.url?.includes('dead') === true ? 401 : 200, {
            'content-type': 'application/json',
            'x-echo': JSON.stringify(request.rawHeaders).replaceAll(/[^\x20-\x7e]/g, ''),
            'set-cookie': `a=${CORES['value of the API']}`,
          })
          .end(JSON.stringify({ me: CORES['value of the API'], echo: request.rawHeaders, url: request.url }));
      }),
    );
    const answer = {
      token: '/token',
      refreshToken: '/refresh',
      expiresIn: '/ttl',
      tenant: '/tenant',
      jar: 'cookies',
      id: 'header:x-session',
    };
    const call = {
      url: '/login?p={password}',
      basic: '{user}:{phrase}',
      make: { sum: { hmac: { key: '{signing}', of: '{password}' } }, b64: { base64: '{user}:{password}' } },
      headers: {
        'X-Sum': '{sum}',
        'X-Base': '{b64}',
        'X-File': '{fromFile}',
        'X-Api-Key': CORES['fixed key in a header field'],
      },
      json: { user: '{user}', password: '{password}', list: ['{fromFile}'] },
    };
    const attach = [
      { header: 'Authorization' },
      { query: 'tenant', value: '{tenant}' },
      { cookies: '{jar}' },
      { header: 'X-Id', value: '{id}' },
      { path: '/bot{tenant}' },
    ];
    const whole = {
      credentials: {
        user: 'required',
        password: 'required',
        phrase: 'required',
        signing: 'required',
        fromFile: 'required',
      },
      login: { ...call, answer },
      refresh: { url: '/refresh', form: { refresh: '{refreshToken}', old: '{token}', password: '{password}' }, answer },
      attach,
      invalid: [{ status: 401 }],
    };
    const simple = (place: string): Record<string, unknown> => ({
      ...whole,
      login: { ...call, json: undefined, xml: '<p a="{user}">{password}</p>', answer: { token: place } },
      refresh: undefined,
      attach: { query: 'key' },
    });
    const credentials = {
      user: 'me',
      password: '${PASSWORD}',
      phrase: CORES['secret by its use'],
      signing: CORES['hmac key'],
      fromFile: `\${file:${join(folder(), 'secret')}}`,
    };
    const account = (flow: string): Record<string, unknown> => ({ flow, baseUrl: upstream.url, credentials });
    const config = {
      flows: {
        whole,
        form: simple('form:token'),
        xml: simple('xml:/a/token'),
        text: simple('text'),
        refresh: { ...whole, login: undefined },
        fixed: { credentials: { user: 'required', phrase: 'required' }, attach: { basic: '{user}:{phrase}' } },
      },
      accounts: {
        ...Object.fromEntries(['whole', 'form', 'xml', 'text', 'refresh'].map((name) => [name, account(name)])),
        fixed: { flow: 'fixed', credentials: { user: 'me', phrase: CORES['fixed token'] } },
        partner: {
          flow: 'oauth2',
          credentials: { tokenUrl: `${upstream.url}/login`, clientId: 'app', clientSecret: CORES['client secret'] },
        },
      },
      routes: ['whole', 'form', 'xml', 'text', 'refresh', 'fixed', 'partner'].map((name) => ({
        prefix: `/${name}`,
        upstream: upstream.url,
        account: name,
        headers: { 'X-Gateway-Key': CORES['field of the route'] },
      })),
    };
    const file = writeConfig(folder(), config);
    const texts: Record<string, string> = {};
    const outcomes = new Set<string>();
    const tries = async (...args: string[]): Promise<void> => {
      // Whatever the text shows, the JSON has as well.
      for (const more of mode === 'granted' || mode === 'quoted' ? [[], ['--json']] : [['--json']]) {
        const all = ['flow', 'try', ...args, ...more, '-c', file];
        const { stdout, stderr } = await run(all, { env: { PASSWORD } });
        texts[`${mode} ${all.slice(2, -2).join(' ')}`] = stdout + stderr;
        for (const [, outcome] of stdout.matchAll(/^(?:login|refresh): (\w+):/gm)) outcomes.add(outcome!);
        for (const [, outcome] of stdout.matchAll(/"outcome": "(\w+)"/g)) outcomes.add(`${outcome!} as JSON`);
      }
    };
    mode = 'granted';
    await tries('whole', '--refresh', '--path', '/v1/me');
    await tries('whole', '--path', '/v1/dead');
    await tries('whole', '--dry-run', '--refresh', '--path', '/v1/me');
    await tries('refresh', '--dry-run');
    await tries('refresh');
    await tries('fixed', '--path', '/v1/me');
    for (mode of ['form', 'xml', 'text'] as const) await tries(mode, '--path', '/v1/me');
    for (mode of ['quoted', 'page', 'moved', 'empty'] as const) {
      await tries('whole');
      await tries('partner');
    }
    // Else nothing is proved.
    for (const outcome of ['granted', 'granted as JSON', 'refused', 'refused as JSON', 'failed as JSON'])
      assert.ok(outcomes.has(outcome), outcome);
    assert.match(texts['granted whole --refresh --path /v1/me']!, /refresh: granted[\s\S]*request on route \/whole/);
    assert.deepEqual(canaries.find(texts), []);
    // A password in pieces is one as well.
    for (const [name, text] of Object.entries(texts)) assert.ok(!text.includes('cAnArY'), name);
  });
});
