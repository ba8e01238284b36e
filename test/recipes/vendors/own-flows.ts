import { createHash, randomBytes } from 'node:crypto';
import { basic, json, text, type Look, type Vendor } from '../vendor.ts';
import { BEARER, secret, UNAUTHORIZED } from './common.ts';

/*
 * Ways of logging in that no recipe has, each as a user would write it: because the way is that of many APIs, or
 * because the vendor's documentation is not public.
 */

const USER = { user: 'robot', password: secret('password') };
const XML = 'text/xml; charset=utf-8';
const ENVELOPE = (head: string, body: string): string =>
  `<?xml version="1.0" encoding="utf-8"?>\n<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/">` +
  `<soap:Header>${head}</soap:Header><soap:Body>${body}</soap:Body></soap:Envelope>`;
const ORDERS = (id: string): string =>
  ENVELOPE(`<t:auth xmlns:t="urn:t">${id}</t:auth>`, '<t:orders xmlns:t="urn:t"/>');
const INTACCT = (session: string): string =>
  `<request><control><senderid>s</senderid></control><operation><authentication>${session}</authentication>` +
  '<content><function controlid="1"><read/></function></content></operation></request>';

const NONCE = randomBytes(8).toString('hex');
/** RFC 7616 §3.4, as a server checks it. */
const digest: Look = ({ headers, method, path, query }, { user = '', password = '' }) => {
  const given = Object.fromEntries(
    [...(headers.authorization ?? '').matchAll(/(\w+)=(?:"([^"]*)"|([^\s,]+))/g)].map(
      ([, name, quoted, plain]): [string, string] => [name!, quoted ?? plain!],
    ),
  );
  const hash = (of: string): string => createHash('sha256').update(of).digest('hex');
  const uri = `${path}?${query}`;
  if (given['username'] !== user || given['uri'] !== uri || given['nonce'] !== NONCE) return 'it is for something else';
  const { nc = '', cnonce = '', response } = given;
  const wanted = hash([hash(`${user}:api:${password}`), NONCE, nc, cnonce, 'auth', hash(`${method}:${uri}`)].join(':'));
  return response === wanted ? undefined : 'the response is wrong';
};

export const OWN_FLOWS: readonly Vendor[] = [
  {
    recipe: 'key-and-client-certificate',
    own: {
      upstream: 'https://business.bank.example',
      flow: `
        credentials: { token: required }
        attach: { header: Authorization, value: "Bearer {token}" }
        invalid: [{ status: 401 }]
      `,
    },
    mutualTls: true,
    credentials: { token: secret('token') },
    expect: BEARER,
    killed: UNAUTHORIZED,
  },
  {
    recipe: 'session-cookie-after-basic',
    own: {
      upstream: 'https://1c.acme.example/base/hs/api',
      flow: `
        credentials: { user: required, password: required }
        login:
          method: GET
          url: https://1c.acme.example/base/hs/api/ping
          basic: "{user}:{password}"
          headers: { IBSession: start }
          answer: { token: "cookie:ibsession" }
        idle: 20m
        attach:
          - { cookie: ibsession }
          - { basic: "{user}:{password}" }
        invalid: [{ status: 404, contains: session not found }]
      `,
    },
    credentials: USER,
    steps: [
      {
        at: 'GET https://1c.acme.example/base/hs/api/ping',
        expect: { headers: { authorization: basic('<user>:<password>'), ibsession: 'start' } },
        reply: text(200, 'text/plain', '', { 'set-cookie': 'ibsession=<token>; path=/base; HttpOnly' }),
      },
    ],
    expect: { headers: { authorization: basic('<user>:<password>') }, cookies: { ibsession: '<token>' } },
    killed: text(404, 'text/html', '<h1>Session not found</h1>'),
    refused: json(401, { error: 'no such user' }),
  },
  {
    recipe: 'soap-session-in-the-body',
    own: {
      upstream: 'https://soap.acme.example',
      // Logins and requests have one address.
      route: { legacyLogin: 'forward' },
      flow: `
        credentials: { user: required, password: required }
        login:
          url: https://soap.acme.example/ws
          headers: { SOAPAction: '"urn:t#login"' }
          xml: |-
            <s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>
            <t:login xmlns:t="urn:t"><t:user>{user}</t:user><t:password>{password}</t:password></t:login>
            </s:Body></s:Envelope>
          answer: { token: "xml:/Envelope/Body/loginResponse/sessionId" }
          refused: [{ status: 500, body: { "xml:/Envelope/Body/Fault/faultcode": BAD_LOGIN }, format: any }]
        attach: { xml: /Envelope/Header/auth/sessionId }
        invalid: [{ status: 500, body: { "xml:/Envelope/Body/Fault/faultcode": INVALID_SESSION } }]
      `,
    },
    credentials: USER,
    steps: [
      {
        at: 'POST https://soap.acme.example/ws',
        isLogin: ({ headers }) => headers['soapaction'] === '"urn:t#login"',
        expect: {
          headers: { 'content-type': XML },
          body:
            '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>\n<t:login xmlns:t="urn:t">' +
            '<t:user><user></t:user><t:password><password></t:password></t:login>\n</s:Body></s:Envelope>',
        },
        reply: text(
          200,
          XML,
          ENVELOPE('', '<t:loginResponse xmlns:t="urn:t"><t:sessionId><token></t:sessionId></t:loginResponse>'),
        ),
      },
    ],
    path: '/ws',
    clientXml: ORDERS('<t:sessionId/>'),
    expect: { body: ORDERS('<t:sessionId><token></t:sessionId>') },
    killed: text(500, XML, ENVELOPE('', '<soap:Fault><faultcode>INVALID_SESSION</faultcode></soap:Fault>')),
    refused: text(500, XML, ENVELOPE('', '<soap:Fault><faultcode>BAD_LOGIN</faultcode></soap:Fault>')),
  },
  {
    recipe: 'json-api',
    own: {
      upstream: 'https://api.acme.example/v2',
      flow: `
        credentials: { user: required, password: required }
        login:
          url: https://api.acme.example/v2/sessions
          headers: { Content-Type: application/vnd.api+json, Accept: application/vnd.api+json }
          json: { data: { type: sessions, attributes: { email: "{user}", password: "{password}" } } }
          answer: { token: /data/attributes/token, expiresAt: /data/attributes/expires-at }
        attach: { header: Authorization }
        invalid: [{ status: 401, body: { "/errors/*/code": token_expired } }]
      `,
    },
    credentials: USER,
    steps: [
      {
        at: 'POST https://api.acme.example/v2/sessions',
        expect: {
          headers: { 'content-type': 'application/vnd.api+json', accept: 'application/vnd.api+json' },
          json: { data: { type: 'sessions', attributes: { email: '<user>', password: '<password>' } } },
        },
        reply: text(
          200,
          'application/vnd.api+json',
          '{"data":{"type":"sessions","id":"1","attributes":{"token":"<token>","expires-at":"2100-01-01T00:00:00Z"}}}',
        ),
      },
    ],
    expect: BEARER,
    killed: text(401, 'application/vnd.api+json', '{"errors":[{"status":"401","code":"token_expired"}]}'),
    refused: json(422, { errors: [{ code: 'bad_password' }] }),
  },
  {
    recipe: 'sage-intacct',
    own: {
      upstream: 'https://api.intacct.com',
      route: { legacyLogin: 'forward' },
      flow: `
        credentials: { senderId: required, senderPassword: required, company: required, user: required, password: required }
        make: { requestId: { uuid: v4 } }
        login:
          url: https://api.intacct.com/ia/xml/xmlgw.phtml
          query: { call: session }
          headers: { Content-Type: application/xml }
          xml: >-
            <request><control><senderid>{senderId}</senderid><password>{senderPassword}</password>
            <controlid>{requestId}</controlid></control><operation><authentication><login><userid>{user}</userid>
            <companyid>{company}</companyid><password>{password}</password></login></authentication>
            <content><function controlid="1"><getAPISession/></function></content></operation></request>
          answer: { token: "xml:/response/operation/result/data/api/sessionid" }
          refused: [{ status: 200, body: { "xml:/response/operation/errormessage/error/errorno": XL03000006 } }]
        attach: { xml: /request/operation/authentication/sessionid }
        invalid: [{ status: 200, body: { "xml:/response/operation/errormessage/error/errorno": XL03000007 } }]
      `,
    },
    credentials: { ...USER, senderId: 'acme', senderPassword: secret('senderPassword'), company: 'ACME' },
    steps: [
      {
        at: 'POST https://api.intacct.com/ia/xml/xmlgw.phtml',
        isLogin: ({ query }) => query === 'call=session',
        expect: {
          query: { call: 'session' },
          whole: ({ body }, { senderPassword = '', password = '' }) =>
            [
              `<password>${senderPassword}</password>`,
              `<password>${password}</password></login>`,
              '<companyid>ACME</companyid>',
            ].every((part) => body.includes(part)) && /<controlid>[0-9a-f-]{36}<\/controlid>/.test(body)
              ? undefined
              : `login ${body}`,
        },
        reply: text(
          200,
          'application/xml',
          '<response><operation><result><data><api><sessionid><token></sessionid></api></data></result></operation></response>',
        ),
      },
    ],
    path: '/ia/xml/xmlgw.phtml',
    clientXml: INTACCT('<sessionid></sessionid>'),
    expect: { body: INTACCT('<sessionid><token></sessionid>') },
    killed: text(
      200,
      'application/xml',
      '<response><operation><errormessage><error><errorno>XL03000007</errorno></error></errormessage></operation></response>',
    ),
    refused: text(
      200,
      'application/xml',
      '<response><operation><errormessage><error><errorno>XL03000006</errorno></error></errormessage></operation></response>',
    ),
  },
  {
    recipe: 'token-in-an-xml-attribute',
    own: {
      upstream: 'https://reports.acme.example',
      flow: `
        credentials: { user: required, password: required }
        login:
          url: https://reports.acme.example/signin
          xml: <tsRequest><credentials name="{user}" password="{password}"/></tsRequest>
          answer: { token: "xml:/tsResponse/credentials/@token", site: "xml:/tsResponse/credentials/site/@id" }
        attach:
          - { header: X-Auth, value: "{token}" }
          - { path: "/sites/{site}" }
        invalid: [{ status: 401, body: { "xml:/tsResponse/error/@code": "401002" } }]
      `,
    },
    credentials: USER,
    steps: [
      {
        at: 'POST https://reports.acme.example/signin',
        expect: { body: '<tsRequest><credentials name="<user>" password="<password>"/></tsRequest>' },
        reply: text(
          200,
          XML,
          '<t:tsResponse xmlns:t="urn:t"><t:credentials token="<token>"><t:site id="site-7"/></t:credentials></t:tsResponse>',
        ),
      },
    ],
    expect: { headers: { 'x-auth': '<token>' }, path: '/sites/site-7' },
    killed: text(401, XML, '<tsResponse><error code="401002"/></tsResponse>'),
    refused: json(401, { error: 'bad password' }),
  },
  {
    recipe: 'form-encoded-answer',
    own: {
      upstream: 'https://legacy.acme.example',
      flow: `
        credentials: { user: required, password: required }
        login:
          url: https://legacy.acme.example/token
          form: { login: "{user}", password: "{password}" }
          answer: { token: "form:access_token", expiresIn: "form:expires minutes" }
          refused: [{ status: 403, body: { "form:error": wrong_password }, format: any }]
        attach: { header: Authorization, value: "Token {token}" }
        invalid: [{ status: 200, body: { "form:error": [expired, unknown_token] } }]
      `,
    },
    credentials: USER,
    steps: [
      {
        at: 'POST https://legacy.acme.example/token',
        expect: { form: { login: '<user>', password: '<password>' } },
        reply: text(200, 'application/x-www-form-urlencoded', 'access_token=<token>&expires=60'),
      },
    ],
    expect: { headers: { authorization: 'Token <token>' } },
    killed: text(200, 'application/x-www-form-urlencoded', 'error=expired&error_description=Token+expired'),
    refused: text(403, 'application/x-www-form-urlencoded', 'error=wrong_password'),
  },
  {
    recipe: 'http-digest',
    own: {
      upstream: 'https://device.acme.example',
      flow: `
        credentials: { user: required, password: required }
        attach: { sign: digest, user: "{user}", password: "{password}" }
      `,
    },
    credentials: USER,
    challenge: ({ headers }) =>
      headers.authorization === undefined
        ? text(401, 'text/plain', '', {
            'www-authenticate': `Digest realm="api", qop="auth", algorithm=SHA-256, nonce="${NONCE}"`,
          })
        : undefined,
    expect: { whole: digest },
    killed: text(401, 'text/plain', 'No such user'),
  },
  {
    recipe: 'token-in-the-json-body',
    own: {
      upstream: 'https://shop.acme.example/api',
      flow: `
        credentials: { user: required, password: required }
        login:
          url: https://shop.acme.example/api/auth/
          json: { login: "{user}", password: "{password}" }
          answer: { token: /response/token }
          refused: [{ status: 200, body: { /status: AUTHORIZATION_ERROR } }]
        lifetime: 10m
        attach: { json: /token }
        invalid: [{ status: 200, body: { /status: UNAUTHORIZED } }]
      `,
    },
    credentials: USER,
    steps: [
      {
        at: 'POST https://shop.acme.example/api/auth/',
        expect: { json: { login: '<user>', password: '<password>' } },
        reply: json(200, { status: 'OK', response: { token: '<token>' } }),
      },
    ],
    expect: { json: { token: '<token>' } },
    killed: json(200, { status: 'UNAUTHORIZED', response: { message: 'Token expired' } }),
    refused: json(200, { status: 'AUTHORIZATION_ERROR' }),
  },
];
