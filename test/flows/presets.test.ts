import assert from 'node:assert/strict';
import { ResponseContent } from '../../src/flows/content.ts';
import { flowSchema } from '../../src/flows/flow.ts';
import { matchesAny } from '../../src/flows/match.ts';
import { PRESETS } from '../../src/flows/presets.ts';
import { runCall } from '../support/run-call.ts';

const responseOf = (status: number, body?: unknown, challenge?: string): ResponseContent =>
  new ResponseContent(
    status,
    () => challenge,
    () => JSON.stringify(body),
  );
const invalid = (flow: string, status: number, body?: unknown): boolean =>
  matchesAny(PRESETS[flow]!.invalid, responseOf(status, body));
const NOW = 1_800_000_000_000;

/** What an answer to a call of a preset comes to; undefined stands for a page that is not JSON. */
async function outcome(name: string, which: 'login' | 'refresh', status: number, body?: unknown): Promise<string> {
  const flow = PRESETS[name]!;
  const values = {
    username: 'u',
    password: 'p',
    email: 'e',
    appId: 'a',
    tokenUrl: 'https://id.example',
    clientId: 'c',
    refreshToken: 'r',
  };
  return (
    await runCall(
      flow[which]!,
      flow,
      flow.baseUrl,
      values,
      async () => ({ status, headers: {}, body: body === undefined ? '<html>' : JSON.stringify(body) }),
      () => NOW,
    )
  ).kind;
}

describe('the presets', () => {
  it("are six, and pass the schema that users' flows pass", () => {
    assert.deepEqual(Object.keys(PRESETS).sort(), [
      'chatapp',
      'oauth2',
      'oauth2-refresh',
      'softline',
      'static',
      'twin',
    ]);
    for (const [name, flow] of Object.entries(PRESETS)) assert.deepEqual(flowSchema.parse(flow), flow, name);
  });

  const table = [
    [
      'softline',
      'https://api.ecommerce.softline.com',
      'POST',
      '/v1/login_check',
      undefined,
      'AuthorizationJWT',
      'Bearer {token}',
      'early',
    ],
    [
      'chatapp',
      'https://api.chatapp.online',
      'POST',
      '/v1/tokens',
      '/v1/tokens/refresh',
      'Authorization',
      '{token}',
      'on-demand',
    ],
    [
      'twin',
      'https://iam.twin24.ai',
      'POST',
      '/api/v1/auth/login',
      '/api/v1/auth/refresh',
      'Authorization',
      'Bearer {token}',
      'early',
    ],
  ] as const;
  for (const [name, baseUrl, method, login, refresh, header, value, renew] of table) {
    it(`${name}: addresses, header and time of renewal are the vendor's`, () => {
      const flow = PRESETS[name]!;
      assert.equal(flow.baseUrl, baseUrl);
      const [[one] = [], [other] = []] = [flow.login, flow.refresh];
      assert.deepEqual([one?.method, one?.url, other?.url], [method, login, refresh]);
      assert.deepEqual(flow.attach, [{ header, value }]);
      assert.equal(flow.renew, renew);
      assert.equal(flow.rotationGrace, 0, 'no vendor is known to forgive a second use');
    });
  }

  it('softline: 24 h, no budget known, dead by 401 and 1007, 1008 or 1009', () => {
    assert.equal(PRESETS['softline']!.lifetime, 86_400);
    assert.equal(PRESETS['softline']!.budget, undefined);
    for (const error of [1007, 1008, 1009]) assert.equal(invalid('softline', 401, { errors: [{ error }] }), true);
    for (const [status, body] of [
      [401, { errors: [{ error: 1006 }] }],
      [400, { errors: [{ error: 1007 }] }],
      [401, undefined],
      [403, {}],
    ] as const)
      assert.equal(invalid('softline', status, body), false);
  });

  it('chatapp: 100 logins a day for an email and appId with 20 in reserve, dead by its code on any status', () => {
    assert.deepEqual(PRESETS['chatapp']!.budget, [{ logins: 100, per: 86_400, reserve: 20, by: ['email', 'appId'] }]);
    const dead = { success: false, error: { code: 'ApiInvalidTokenError' } };
    for (const status of [200, 400, 401, 403, 500]) assert.equal(invalid('chatapp', status, dead), true);
    for (const status of [200, 401, 403])
      assert.equal(invalid('chatapp', status, { success: false, error: { code: 'ApiForbiddenError' } }), false);
    assert.equal(invalid('chatapp', 403), false);
  });

  it('twin: an hour unless ttl or the JWT says less, dead by any 401', () => {
    assert.equal(PRESETS['twin']!.lifetime, 3_600);
    assert.equal(PRESETS['twin']!.lifetimeFrom, 'ttl');
    assert.equal(PRESETS['twin']!.login?.[0]?.answer.jwt, true);
    assert.equal(invalid('twin', 401, 'anything'), true);
    assert.equal(invalid('twin', 403, { error: 'Token is expired.' }), false);
  });

  it('static: a header, nothing to renew, and a 401 that says so', () => {
    const flow = PRESETS['static']!;
    assert.deepEqual([flow.login, flow.refresh, flow.invalid], [undefined, undefined, [{ status: 401 }]]);
  });

  it('oauth2: dead by any 401 but one that asks for a permission or a proof', () => {
    const dead = (challenge?: string): boolean =>
      matchesAny(PRESETS['oauth2']!.invalid, responseOf(401, undefined, challenge));
    for (const challenge of [undefined, 'Bearer', 'Bearer realm="api", error="invalid_token"', 'Basic'])
      assert.equal(dead(challenge), true, challenge);
    for (const error of [
      'insufficient_scope',
      'insufficient_user_authentication',
      'use_dpop_nonce',
      'invalid_dpop_proof',
    ])
      assert.equal(dead(`Bearer error="${error}"`), false, error);
  });

  it('oauth2-refresh: oauth2 without its login', () => {
    const [whole, flow] = [PRESETS['oauth2']!, PRESETS['oauth2-refresh']!];
    assert.equal(flow.login, undefined);
    for (const key of ['refresh', 'busy', 'attach', 'invalid'] as const) assert.deepEqual(flow[key], whole[key], key);
    for (const name of Object.keys(flow.credentials))
      assert.equal(flow.credentials[name], whole.credentials[name], name);
  });

  const chatappNo = (code: string): object => ({ success: false, error: { code } });
  for (const [name, which, status, body, expected] of [
    ['softline', 'login', 401, { errors: [{ error: 1006 }] }, 'refused'],
    ['softline', 'login', 400, { errors: [{ error: 1005 }] }, 'refused'],
    ['softline', 'login', 401, undefined, 'failed'],
    ['softline', 'login', 500, { errors: [{ error: 1006 }] }, 'failed'],
    ['chatapp', 'login', 403, chatappNo('ApiInvalidCredentialsError'), 'refused'],
    ['chatapp', 'login', 200, chatappNo('ApiInvalidCredentialsError'), 'refused'],
    ['chatapp', 'login', 429, chatappNo('ApiTooManyRequestsError'), 'busy'],
    ['chatapp', 'login', 200, chatappNo('ApiTooManyRequestsError'), 'busy'],
    ['chatapp', 'login', 403, chatappNo('ApiTooManyRequestsError'), 'busy'],
    ['chatapp', 'login', 403, undefined, 'failed'],
    ['chatapp', 'login', 404, { success: false }, 'failed'],
    ['chatapp', 'refresh', 200, chatappNo('ApiInvalidRefreshTokenError'), 'refused'],
    ['chatapp', 'refresh', 409, chatappNo('ApiInvalidRefreshTokenError'), 'refused'],
    ['chatapp', 'refresh', 500, chatappNo('ApiInvalidRefreshTokenError'), 'refused'],
    ['chatapp', 'refresh', 404, { message: 'not found' }, 'refused'],
    ['chatapp', 'refresh', 404, undefined, 'failed'],
    ['chatapp', 'refresh', 502, undefined, 'failed'],
    ['twin', 'login', 401, { error: 'Invalid credentials.' }, 'refused'],
    ['twin', 'login', 401, undefined, 'failed'],
    ['twin', 'refresh', 410, { error: 'gone' }, 'refused'],
  ] as const) {
    it(`${name}: ${which} answered ${status} ${body === undefined ? 'with a web page' : JSON.stringify(body)} is ${expected}`, async () => {
      assert.equal(await outcome(name, which, status, body), expected);
    });
  }
});
