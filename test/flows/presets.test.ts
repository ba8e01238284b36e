import assert from 'node:assert/strict';
import { flowSchema } from '../../src/flows/flow.ts';
import { matchesAny } from '../../src/flows/match.ts';
import { PRESETS } from '../../src/flows/presets.ts';

const invalid = (flow: string, status: number, body?: unknown): boolean => matchesAny(PRESETS[flow]!.invalid, { status, header: () => undefined, body: () => body });
const refused = (flow: string, call: 'login' | 'refresh', status: number, body?: unknown): boolean => matchesAny(PRESETS[flow]![call]!.refused, { status, header: () => undefined, body: () => body });

describe('the presets', () => {
  it('are five, and pass the schema that users\' flows pass', () => {
    assert.deepEqual(Object.keys(PRESETS).sort(), ['chatapp', 'oauth2', 'softline', 'static', 'twin']);
    for (const [name, flow] of Object.entries(PRESETS)) assert.deepEqual(flowSchema.parse(flow), flow, name);
  });

  const table = [
    ['softline', 'https://api.ecommerce.softline.com', 'POST', '/v1/login_check', undefined, 'AuthorizationJWT', 'Bearer {token}', 'early'],
    ['chatapp', 'https://api.chatapp.online', 'POST', '/v1/tokens', '/v1/tokens/refresh', 'Authorization', '{token}', 'on-demand'],
    ['twin', 'https://iam.twin24.ai', 'POST', '/api/v1/auth/login', '/api/v1/auth/refresh', 'Authorization', 'Bearer {token}', 'early'],
  ] as const;
  for (const [name, baseUrl, method, login, refresh, header, value, renew] of table) {
    it(`${name}: addresses, header and time of renewal are the vendor's`, () => {
      const flow = PRESETS[name]!;
      assert.equal(flow.baseUrl, baseUrl);
      assert.deepEqual([flow.login?.method, flow.login?.url, flow.refresh?.url], [method, login, refresh]);
      assert.deepEqual(flow.attach, { header, value });
      assert.equal(flow.renew, renew);
      assert.equal(flow.rotationGrace, 0, 'no vendor is known to forgive a second use');
    });
  }

  it('softline: 24 h, no budget known, dead by 401 and 1007, 1008 or 1009', () => {
    assert.equal(PRESETS['softline']!.lifetime, 86_400);
    assert.equal(PRESETS['softline']!.budget, undefined);
    for (const error of [1007, 1008, 1009]) assert.equal(invalid('softline', 401, { errors: [{ error }] }), true);
    for (const [status, body] of [[401, { errors: [{ error: 1006 }] }], [400, { errors: [{ error: 1007 }] }], [401, undefined], [403, {}]] as const) assert.equal(invalid('softline', status, body), false);
    assert.equal(refused('softline', 'login', 401, { errors: [{ error: 1006 }] }), true);
    assert.equal(refused('softline', 'login', 500), false);
  });

  it('chatapp: 100 logins a day for an email and appId with 20 in reserve, dead by its code on any status', () => {
    assert.deepEqual(PRESETS['chatapp']!.budget, { logins: 100, per: 86_400, reserve: 20, by: ['email', 'appId'] });
    const dead = { success: false, error: { code: 'ApiInvalidTokenError' } };
    for (const status of [200, 400, 401, 403, 500]) assert.equal(invalid('chatapp', status, dead), true);
    for (const status of [200, 401, 403]) assert.equal(invalid('chatapp', status, { success: false, error: { code: 'ApiForbiddenError' } }), false);
    assert.equal(invalid('chatapp', 403), false);
    assert.equal(refused('chatapp', 'refresh', 200, { success: false, error: { code: 'ApiInvalidRefreshTokenError' } }), true);
    assert.equal(refused('chatapp', 'refresh', 409, { success: false, error: { code: 'ApiInvalidRefreshTokenError' } }), true);
    assert.equal(refused('chatapp', 'login', 429, { success: false, error: { code: 'ApiTooManyRequestsError' } }), false);
    assert.equal(refused('chatapp', 'refresh', 502), false);
  });

  it('twin: an hour unless ttl or the JWT says less, dead by any 401', () => {
    assert.equal(PRESETS['twin']!.lifetime, 3_600);
    assert.equal(PRESETS['twin']!.lifetimeFrom, 'ttl');
    assert.equal(PRESETS['twin']!.login?.answer.jwt, true);
    assert.equal(invalid('twin', 401, 'anything'), true);
    assert.equal(invalid('twin', 403, { error: 'Token is expired.' }), false);
  });

  it('static: a header, and nothing to renew', () => {
    const flow = PRESETS['static']!;
    assert.deepEqual([flow.login, flow.refresh, flow.invalid], [undefined, undefined, []]);
  });
});
