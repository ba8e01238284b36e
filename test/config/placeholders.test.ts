import assert from 'node:assert/strict';
import { load, mistakesOf, said, smallest } from '../support/config.ts';

const ANSWER = 'answer: { token: /t }';
/** A flow beside the smallest configuration, with these keys in its login. */
const login = (keys: string, more = ''): string =>
  `flows: { own: { baseUrl: "https://login.example", credentials: { user: required, password: required, tenant: optional }, login: { url: /login, ${keys}, ${ANSWER} }, attach: { header: X }${more} } }\n${smallest({})}`;

describe('a placeholder', () => {
  for (const [keys, at, meant] of [
    ['json: { a: { b: ["{passwrod}"] } }', 'json.a.b.0', 'password'],
    ['form: { p: "{passwrod}" }', 'form.p', 'password'],
    ['headers: { X-P: "k {usr}" }', 'headers.X-P', 'user'],
    ['query: { u: "{usr}" }', 'query.u', 'user'],
    ['basic: "{usr}:{password}"', 'basic', 'user'],
    ['client: { id: "{usr}" }', 'client.id', 'user'],
    ['client: { id: "{user}", secret: "{passwrod?}" }', 'client.secret', 'password'],
    ['form: { p: "{tenent=main}" }', 'form.p', 'tenant'],
  ] as const) {
    it(`that nothing stands behind is found, with the one that was meant: ${keys}`, () => {
      const wrong = meant === 'user' ? 'usr' : meant === 'tenant' ? 'tenent' : 'passwrod';
      assert.deepEqual(said(login(keys)), [
        `flows.own.login.${at}: this flow has no credential {${wrong}}; did you mean "${meant}"?`,
      ]);
    });
  }

  it('in a URL too, and with its line', () => {
    const text = `flows:\n  own:\n    baseUrl: https://login.example\n    credentials: { user: required }\n    login:\n      url: /login/{usr}\n      ${ANSWER}\n    attach: { header: X }\n${smallest({})}`;
    assert.deepEqual(
      mistakesOf(text).map(({ path, line }) => [path, line]),
      [['flows.own.login.url', 6]],
    );
  });

  it('{refreshToken} and {token} are there for a refresh only', () => {
    const refresh = (keys: string): string => login('json: {}', `, refresh: { url: /refresh, ${keys}, ${ANSWER} }`);
    load(refresh('json: { r: "{refreshToken}" }, headers: { Authorization: "Bearer {token}" }'));
    assert.deepEqual(said(refresh('json: { r: "{refreshtoken}" }')), [
      'flows.own.refresh.json.r: this flow has no credential {refreshtoken}; did you mean "refreshToken"?',
    ]);
    assert.deepEqual(said(login('json: { r: "{refreshToken}" }')), [
      'flows.own.login.json.r: this flow has no credential {refreshToken}',
    ]);
  });

  it('is written with one brace, and without blanks', () => {
    assert.deepEqual(said(login('json: { p: "{ password }" }')), [
      'flows.own.login.json.p: a placeholder is written without blanks, such as {name}',
    ]);
    assert.deepEqual(said(login('json: { p: "{{password}}" }')), [
      'flows.own.login.json.p: a placeholder is written with one brace on each side, such as {name}',
    ]);
    load(
      login(`form: { body: '{"user":{"name":"{user}"}}', css: "a { b }x" }`).replace('"a { b }x"', '"{1} {} {a-b}"'),
    );
  });

  it('of a credential that may be missing needs "?" or a default, where it is missing', () => {
    const text = (credentials: string): string =>
      login('json: { t: "{tenant}" }').replace(
        'flow: static, credentials: { token: secret }',
        `flow: own, credentials: { user: a, password: b${credentials} }`,
      );
    load(text(', tenant: main'));
    for (const none of ['', ', tenant: ""', ', tenant: null']) {
      assert.deepEqual(
        said(text(none)),
        ["accounts.shop.credentials: tenant is missing: the flow's login names it, without {tenant?} or a default"],
        none,
      );
    }
    load(text('').replace('{tenant}', '{tenant?}'));
    load(text('').replace('{tenant}', '{tenant=main}'));
  });

  for (const [keys, credentials, complaint] of [
    [
      'headers: { X-P: "{password}" }',
      'user: a, password: "пароль"',
      ".password: holds characters that cannot be sent (control characters or line ends, letters beyond ASCII, or blanks at an end): the flow's login sends it in the header X-P",
    ],
    [
      'headers: { X-P: "{password}" }',
      'user: a, password: "a\\nb"',
      ".password: holds characters that cannot be sent (control characters or line ends, letters beyond ASCII, or blanks at an end): the flow's login sends it in the header X-P",
    ],
    [
      'basic: "{user}:{password}"',
      'user: "a:b", password: c',
      ': the user of a Basic authentication cannot hold a colon',
    ],
    ['query: { a: "{user}" }, json: { p: "{password}" }', 'user: "é#&", password: "пароль"', undefined],
  ] as const) {
    it(`whose value its place cannot carry is found: ${keys} with ${credentials}`, () => {
      const text = login(keys).replace(
        'flow: static, credentials: { token: secret }',
        `flow: own, credentials: { ${credentials} }`,
      );
      if (complaint === undefined) load(text);
      else assert.deepEqual(said(text), [`accounts.shop.credentials${complaint}`]);
    });
  }

  it('in other settings that name credentials', () => {
    assert.deepEqual(said(login('json: {}', ', lifetimeFrom: tenent')), [
      'flows.own.lifetimeFrom: the flow has no credential of this name; did you mean "tenant"?',
    ]);
    assert.deepEqual(said(login('json: {}', ', budget: { logins: 5, by: [user, pasword] }')), [
      'flows.own.budget.by.1: the flow has no credential of this name; did you mean "password"?',
    ]);
    assert.deepEqual(said(smallest({ account: 'budget: { logins: 5, by: [tokn] }' })), [
      'accounts.shop.budget.by.0: the flow has no credential of this name; did you mean "token"?',
    ]);
  });
});

describe('attach', () => {
  const own = (attach: string, calls = `login: { url: "https://login.example", ${ANSWER} }, `): string =>
    `flows: { own: { credentials: { apiKey: required, note: optional }, ${calls}attach: ${attach} } }\n${smallest({})}`;

  it('of a flow that asks for tokens names {token}, and perhaps credentials', () => {
    load(own('{ header: X, value: "{token}:{token}" }'));
    load(own('{ header: X, value: "{apiKey} {token}" }'));
    load(own('[{ header: X }, { header: X-Key, value: "{apiKey}" }]'));
    assert.deepEqual(said(own('{ header: X, value: "Bearer {tokn}" }')), [
      'flows.own.attach.value: must contain {token}, which is where the token goes; did you mean "token"?',
    ]);
    assert.deepEqual(said(own('{ header: X, value: "{tokn} {token}" }')), [
      'flows.own.attach.value: this flow has no credential {tokn}; did you mean "token"?',
    ]);
    assert.deepEqual(said(own('{ header: X, value: "{apiKey}" }')), [
      'flows.own.attach: must name {token}, which is where the token goes, or another value of an answer',
    ]);
    assert.deepEqual(said(own('[{ header: X }, { header: Y, value: "{tokn}" }]')), [
      'flows.own.attach.1.value: this flow has no credential {tokn}; did you mean "token"?',
    ]);
  });

  it('of a flow with a fixed token names the credential that it is', () => {
    load(own('{ header: X-Api-Key, value: "{apiKey}" }', ''));
    assert.deepEqual(said(own('{ header: X }', '')), [
      'flows.own.attach: this flow has no credential {token}; without login and refresh its token is fixed, and attach must name it',
    ]);
    assert.deepEqual(said(own('{ header: X, value: "{apKey}" }', '')), [
      'flows.own.attach: this flow has no credential {apKey}; without login and refresh its token is fixed, and attach must name it; did you mean "apiKey"?',
    ]);
    assert.deepEqual(said(`flows: { own: { attach: { header: X } } }\n${smallest({})}`), [
      "flows.own.attach: the flow has no login and no refresh, so its token is fixed: it must be one of the flow's credentials",
    ]);
  });

  it('of an account is looked at likewise', () => {
    assert.deepEqual(said(smallest({ account: 'attach: { header: X, value: "{tokn}" }' })), [
      'accounts.shop.attach: this flow has no credential {tokn}; without login and refresh its token is fixed, and attach must name it; did you mean "token"?',
    ]);
  });

  it('of a fixed token that is optional wants it given', () => {
    const text = `flows: { own: { credentials: { key: optional }, attach: { header: X, value: "{key}" } } }\n${smallest({}).replace('flow: static, credentials: { token: secret }', 'flow: own')}`;
    assert.deepEqual(said(text), ["accounts.shop.credentials: key is missing: it is the account's token"]);
  });
});

describe('the way in which a client shows itself', () => {
  const oauth2 = (way: string): string =>
    smallest({}).replace(
      'flow: static, credentials: { token: secret }',
      `flow: oauth2, credentials: { tokenUrl: "https://id.example", clientId: a, clientSecret: b, clientAuth: ${way} }`,
    );

  it('is auto, post or basic', () => {
    for (const way of ['auto', 'post', 'basic']) load(oauth2(way));
    assert.deepEqual(said(oauth2('private_key_jwt')), [
      'accounts.shop.credentials.clientAuth: must be one of auto, post, basic',
    ]);
  });
});
