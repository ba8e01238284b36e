import assert from 'node:assert/strict';
import { PRESETS } from '../../src/flows/presets.ts';
import type { Flow } from '../../src/flows/flow.ts';
import { load, said, smallest } from '../support/config.ts';

const LOGIN = 'login: { url: /login, json: { u: "{user}" }, answer: { token: /token } }';
const account = (flow: string, more = ''): string =>
  smallest({}).replace('flow: static, credentials: { token: secret }', `flow: ${flow}${more}`);

function flowOf(text: string): Flow {
  return load(text).flowOf.get('shop')!;
}

describe('a flow in a configuration', () => {
  it("may extend a preset: the keys given replace the preset's, each as a whole", () => {
    const flow = flowOf(
      `flows: { own: { extends: twin, lifetime: 60, login: { url: /other, answer: { token: /t } } } }\n${account('own', ', credentials: { email: a, password: b }')}`,
    );
    const twin = PRESETS['twin']!;
    assert.equal(flow.lifetime, 60);
    assert.equal(flow.login?.[0]?.url, '/other');
    assert.equal(flow.login?.[0]?.json, undefined);
    assert.deepEqual(flow.refresh, twin.refresh);
    assert.deepEqual(flow.attach, twin.attach);
    assert.equal(flow.baseUrl, twin.baseUrl);
    assert.equal(twin.lifetime, 3600);
  });

  it('may say what an application that logs in by itself is told, as far as that is known and no secret', () => {
    const text = (legacyLogin: string, attach = ''): string =>
      `flows: { own: { baseUrl: "https://login.example", credentials: { user: required }, ${LOGIN.replace('/token }', '/token, tenant: /tenant, session: /session }')}, attach: [{ header: X }${attach}], legacyLogin: [{ path: /login, ${legacyLogin} }] } }\n${account('own', ', credentials: { user: a }')}`;
    const own = (legacyLogin: string, attach = ''): string[] => said(text(legacyLogin, attach));
    const at = 'flows.own.legacyLogin.0';
    const session = ', { header: S, value: "{session}" }';
    const make = 'make: { end: { time: ms, in: 24h } }, ';
    load(text(`${make}answer: { t: "{tenant}", e: "{end}", x: "{optional?}" }`, session));
    assert.deepEqual(own(`${make}answer: { t: "{tenant}" }`, session), [`${at}.make.end: nothing uses {end}`]);
    assert.deepEqual(own('answer: { t: "{tenant}", s: "{session}" }', session), [
      `${at}.answer.s: {session} is attached to requests, and no response may repeat it`,
    ]);
    for (const name of ['token', 'user', 'tennant'])
      assert.match(
        own(`answer: ["{tenant}", "{session}", "{${name}}"]`)[0]!,
        /^flows\.own\.legacyLogin\.0\.answer\.2: /,
      );
    assert.match(own('make: { e: { time: unix, jwt: { lifetime: 1 } } }, answer: "{e}"')[0]!, /takes exactly one of/);
    assert.match(own('make: { e: { number: "1", in: 5 } }, answer: "{e}"')[0]!, /in goes with time/);
  });

  it('that extends a preset may bring less than the preset tells applications', () => {
    load(
      `flows: { own: { extends: chatapp, login: { url: /other, answer: { token: /t } } } }\n${account('own', ', credentials: { email: a, password: b, appId: c }')}`,
    );
  });

  it('may stand on its own', () => {
    const flow = flowOf(
      `flows: { own: { baseUrl: "https://login.example", credentials: { user: required }, ${LOGIN}, attach: { header: X-Token, value: "{token}" } } }\n${account('own', ', credentials: { user: a }')}`,
    );
    assert.equal(flow.login?.[0]?.method, 'POST');
    assert.deepEqual(flow.attach, [{ header: 'X-Token', value: '{token}' }]);
    assert.equal(flow.renew, 'early');
  });

  it("needs a baseUrl, its own or the account's, if its login or refresh is a path", () => {
    const flows = `flows: { own: { credentials: { user: required }, ${LOGIN}, attach: { header: X } } }\n`;
    assert.deepEqual(said(`${flows}${account('own', ', credentials: { user: a }')}`), [
      'accounts.shop: the flow own needs a baseUrl here',
    ]);
    assert.equal(
      flowOf(`${flows}${account('own', ', baseUrl: "https://login.example", credentials: { user: a }')}`).baseUrl,
      'https://login.example',
    );
    load(
      `${flows.replace('url: /login', 'url: "https://login.example/login"')}${account('own', ', credentials: { user: a }')}`,
    );
    const refreshing = flows.replace(
      'login: { url: /login, json: { u: "{user}" }',
      'refresh: { url: /refresh, json: { u: "{refreshToken}" }',
    );
    assert.deepEqual(said(`${refreshing}${account('own', ', credentials: { user: a }')}`), [
      'accounts.shop: the flow own needs a baseUrl here',
    ]);
  });

  it('is told how a place is written, if one is written as elsewhere', () => {
    const flow = (place: string): string =>
      `flows: { own: { login: { url: "https://a.example", answer: { token: "${place}" } }, attach: { header: X } } }\n${smallest({})}`;
    for (const place of ['access_token', 'data.token', '$.data.token', '.token']) {
      const [message, ...others] = said(flow(place));
      assert.match(message!, /^flows\.own\.login\.answer\.token: must be a JSON pointer .* a slash before each name$/);
      assert.deepEqual(others, []);
    }
    assert.doesNotMatch(said(flow('two words')).join(), /a slash before each name/);
  });

  it('cannot attach a text without the token in it', () => {
    for (const attach of [
      '{ header: X-Key, value: secret }',
      '{ query: key, value: "{ token }" }',
      '{ cookie: sid, value: "" }',
    ]) {
      assert.deepEqual(
        said(account('static', `, credentials: { token: t }, attach: ${attach}`)),
        ['accounts.shop.attach.value: must contain a {name}: {token}, a credential, or a value of an answer'],
        attach,
      );
    }
  });

  it('yields to what its account says', () => {
    const flow = flowOf(
      account(
        'chatapp',
        ', credentials: { email: a, password: b, appId: c }, baseUrl: "http://test.example", attach: { query: t }, budget: { logins: 7 }, lifetime: 5, rotationGrace: 3, renew: early',
      ),
    );
    assert.deepEqual(
      [flow.baseUrl, flow.attach, flow.budget, flow.lifetime, flow.rotationGrace, flow.renew],
      [
        'http://test.example',
        [{ query: 't', value: '{token}' }],
        [{ logins: 7, per: 86_400, reserve: 0, by: [] }],
        5,
        3,
        'early',
      ],
    );
    assert.equal(PRESETS['chatapp']!.renew, 'on-demand');
  });

  it('may take the name of a preset, and then stands in its place', () => {
    assert.deepEqual(
      flowOf(`flows: { static: { extends: static, attach: { header: X-Key, value: "{token}" } } }\n${smallest({})}`)
        .attach,
      [{ header: 'X-Key', value: '{token}' }],
    );
  });

  it('of another name than its own reaches no account', () => {
    assert.deepEqual(flowOf(`flows: { own: { extends: static, lifetime: 7 } }\n${smallest({})}`), PRESETS['static']);
  });

  it('takes one of json, form and xml', () => {
    assert.deepEqual(
      said(
        `flows: { own: { attach: { header: X }, login: { url: /x, json: {}, form: {}, answer: { token: /t } } } }\n${smallest({})}`,
      ),
      ['flows.own.login: takes one of json, form and xml'],
    );
  });
});
