import assert from 'node:assert/strict';
import { flowSchema, type Flow } from '../../src/flows/flow.ts';
import { PRESETS } from '../../src/flows/presets.ts';
import { runCall } from '../support/run-call.ts';
import type { Outcome } from '../../src/tokens/credential.ts';

const NOW = 1_800_000_000_000;
const VALUES = { tokenUrl: 'https://id.example/token', clientId: 'app', user: 'u', password: 'p', refreshToken: 'r' };

/** A body as an answer has it: a document, or a text with its type. */
type Body = object | readonly [type: string, text: string];

async function answered(
  flow: Flow,
  which: 'login' | 'refresh',
  status: number,
  body: Body,
  headers: Record<string, string> = {},
): Promise<Outcome> {
  const [type, text] =
    Array.isArray(body) && typeof body[0] === 'string'
      ? (body as [string, string])
      : ['application/json', JSON.stringify(body)];
  return runCall(
    flow[which]!,
    flow,
    flow.baseUrl,
    VALUES,
    async () => ({ status, headers: { 'content-type': type, ...headers }, body: text }),
    () => NOW,
  );
}

/** A flow of one's own, with what it says itself. */
function own(call: object = {}, more: object = {}): Flow {
  const whole = { url: '/login', json: { u: '{user}', p: '{password}' }, answer: { token: '/token' }, ...call };
  return flowSchema.parse({
    baseUrl: 'https://login.example',
    credentials: { user: 'required', password: 'required' },
    login: whole,
    refresh: { ...whole, json: { r: '{refreshToken}' } },
    attach: { header: 'Authorization' },
    ...more,
  });
}

const BLOCK_PAGE: Body = ['text/html', '<html><h1>Access denied</h1>Ray ID: 8f2</html>'];
/** What nobody means who has looked at the credential. */
const NOT_ABOUT_THE_CREDENTIAL: readonly (readonly [what: string, body: Body])[] = [
  ['a block page', BLOCK_PAGE],
  ['a block page that calls itself JSON', ['application/json', '<html>blocked</html>']],
  ['plain words', ['text/plain', 'Forbidden']],
  ['a JSON text', ['application/json', '"Forbidden"']],
  ['null', ['application/json', 'null']],
  ['nothing', ['application/json', '']],
  ['XML of a gateway', ['application/xml', '<Error><Code>AccessDenied</Code></Error>']],
  ['half a document', ['application/json', '{"error":"invalid_client"']],
];

for (const preset of ['oauth2', 'oauth2-refresh'] as const) {
  describe(`a token endpoint of OAuth 2.0 (${preset})`, () => {
    const flow = PRESETS[preset]!;
    const calls = (['login', 'refresh'] as const).filter((which) => flow[which] !== undefined);
    for (const which of calls) {
      for (const error of [
        'invalid_client',
        'invalid_grant',
        'unauthorized_client',
        'unsupported_grant_type',
        'invalid_scope',
        'invalid_request',
      ]) {
        for (const status of [400, 401, 403, 404, 422, 200]) {
          it(`${which}: ${status} ${error} is refused`, async () => {
            assert.deepEqual(await answered(flow, which, status, { error, error_description: 'No.' }), {
              kind: 'refused',
              reason: `status ${status}, code ${error}`,
            });
          });
        }
      }
      for (const status of [400, 401, 403, 422]) {
        for (const [what, body] of NOT_ABOUT_THE_CREDENTIAL) {
          it(`${which}: ${status} with ${what} is failed`, async () =>
            assert.equal((await answered(flow, which, status, body)).kind, 'failed'));
        }
        it(`${which}: ${status} with words that are not the protocol's is failed`, async () => {
          for (const body of [
            {},
            [],
            { message: 'Forbidden' },
            { error: 'Access Denied' },
            { error: 'server_error' },
            { error: { code: 'invalid_client' } },
            { error: ['invalid_client'] },
            [{ error: 'invalid_client' }],
            { errors: ['invalid_client'] },
          ]) {
            assert.equal((await answered(flow, which, status, body)).kind, 'failed', JSON.stringify(body));
          }
        });
        it(`${which}: ${status} temporarily_unavailable or slow_down is busy`, async () => {
          for (const error of ['temporarily_unavailable', 'slow_down'])
            assert.equal((await answered(flow, which, status, { error })).kind, 'busy', error);
        });
        it(`${which}: ${status} with a throttle in a vendor's words is busy`, async () => {
          const outcome = await answered(flow, which, status, {
            error: 'Access Denied',
            error_description: 'You have made too many requests continuously. Please try again after some time.',
          });
          assert.equal(outcome.kind, 'busy');
        });
      }
      it(`${which}: a server that breaks says nothing about the credential, whatever its words`, async () => {
        for (const status of [500, 502, 503])
          assert.equal((await answered(flow, which, status, { error: 'invalid_client' })).kind, 'failed');
        for (const status of [500, 502, 503])
          assert.equal((await answered(flow, which, status, { error: 'server_error' })).kind, 'failed');
      });
    }

    it('refresh: vendors have words of their own for a refresh token they do not know', async () => {
      for (const error of [
        'invalid_token',
        'expired_token',
        'bad_refresh_token',
        'invalid_refresh_token',
        'invalid_code',
        'interaction_required',
      ]) {
        assert.equal((await answered(flow, 'refresh', 400, { error })).kind, 'refused', error);
      }
      for (const status of [410, 419, 440, 498]) {
        assert.equal(
          (await answered(flow, 'refresh', status, { message: 'session is over' })).kind,
          'refused',
          String(status),
        );
        assert.equal((await answered(flow, 'refresh', status, BLOCK_PAGE)).kind, 'failed', String(status));
      }
    });
  });
}

describe('a token endpoint of a flow without rules of its own', () => {
  const flow = own();

  for (const status of [400, 401, 403, 422]) {
    it(`login: ${status} in the API's own format, an object or a list, is refused`, async () => {
      assert.deepEqual(await answered(flow, 'login', status, { error: 'bad_credentials' }), {
        kind: 'refused',
        reason: `status ${status}, code bad_credentials`,
      });
      assert.equal((await answered(flow, 'login', status, [{ errorCode: 'INVALID_LOGIN' }])).kind, 'refused');
      assert.equal(
        (await answered(flow, 'login', status, ['text/html; charset=UTF-8', '{"success":false}'])).kind,
        'refused',
      );
    });
    for (const [what, body] of NOT_ABOUT_THE_CREDENTIAL) {
      it(`login: ${status} with ${what} is failed`, async () =>
        assert.equal((await answered(flow, 'login', status, body)).kind, 'failed'));
    }
  }

  it('login: other statuses are failed, in any format', async () => {
    for (const status of [402, 404, 405, 409, 410, 418, 451, 500, 503])
      assert.equal((await answered(flow, 'login', status, { error: 'no' })).kind, 'failed', String(status));
  });

  it("refresh: the many ways of not knowing a refresh token are refused, in the API's own format", async () => {
    for (const status of [400, 401, 403, 404, 409, 410, 419, 422, 440, 498]) {
      assert.equal((await answered(flow, 'refresh', status, { message: 'unknown' })).kind, 'refused', String(status));
      assert.equal((await answered(flow, 'refresh', status, BLOCK_PAGE)).kind, 'failed', String(status));
    }
    for (const status of [402, 405, 418, 500, 503])
      assert.equal((await answered(flow, 'refresh', status, { message: 'no' })).kind, 'failed', String(status));
  });

  it('who says when to come again has not looked at the password', async () => {
    assert.deepEqual(await answered(flow, 'login', 403, { message: 'blocked' }, { 'retry-after': '30' }), {
      kind: 'busy',
      reason: 'busy',
      retryAfter: 30,
    });
    for (const body of [
      { message: 'Too Many Requests' },
      { error: { code: 'RATE_LIMIT_EXCEEDED' } },
      { errors: [{ title: 'Request was throttled.' }] },
      { code: 'TooManyRequestsError' },
      { detail: 'Service temporarily unavailable' },
    ]) {
      for (const status of [400, 401, 403, 422])
        assert.equal((await answered(flow, 'login', status, body)).kind, 'busy', JSON.stringify(body));
    }
    for (const body of [
      { message: 'Invalid user name or password. Please try again.' },
      { message: 'Your temporary password has expired' },
    ]) {
      assert.equal((await answered(flow, 'login', 401, body)).kind, 'refused', JSON.stringify(body));
    }
  });
});

describe("a flow's own rule for refused", () => {
  it("that names a status holds for the API's own format only", async () => {
    const flow = own({ refused: [{ status: 401 }] });
    assert.equal((await answered(flow, 'login', 401, { any: 'thing' })).kind, 'refused');
    assert.equal((await answered(flow, 'login', 401, BLOCK_PAGE)).kind, 'failed');
    assert.equal((await answered(flow, 'login', 403, { any: 'thing' })).kind, 'failed');
  });

  it('holds for any page if it says so', async () => {
    const flow = own({ refused: [{ status: 401, format: 'any' }] });
    for (const [what, body] of NOT_ABOUT_THE_CREDENTIAL)
      assert.equal((await answered(flow, 'login', 401, body)).kind, 'refused', what);
    assert.equal((await answered(flow, 'login', 401, BLOCK_PAGE, { 'retry-after': '5' })).kind, 'busy');
  });

  it('that names a header is taken at its word', async () => {
    const flow = own({ refused: [{ status: 401, header: { 'X-Auth-Error': 'bad_password' } }] });
    assert.equal(
      (await answered(flow, 'login', 401, ['text/plain', ''], { 'x-auth-error': 'bad_password' })).kind,
      'refused',
    );
    assert.equal((await answered(flow, 'login', 401, BLOCK_PAGE)).kind, 'failed');
  });

  it('that names words is taken at its word, on any status it names', async () => {
    const flow = own({ refused: [{ status: [200, 500], body: { '/message': 'cannot refresh' } }] });
    assert.equal((await answered(flow, 'refresh', 500, { message: 'cannot refresh' })).kind, 'refused');
    assert.equal((await answered(flow, 'refresh', 200, { message: 'cannot refresh' })).kind, 'refused');
    assert.equal((await answered(flow, 'refresh', 500, { message: 'out of memory' })).kind, 'failed');
    // Its own words count for more than what they sound like.
    const locked = own({ refused: [{ body: { '/code': 'LOCKED' } }] });
    assert.equal(
      (await answered(locked, 'login', 403, { code: 'LOCKED', message: 'temporarily locked' })).kind,
      'refused',
    );
  });

  it('that names a text of the body is taken at its word, whatever the format and whatever else it says', async () => {
    const flow = own({ refused: [{ status: 401, contains: 'sign-in was incorrect' }] });
    const magento = { message: 'The account sign-in was incorrect or disabled temporarily. Please try again later.' };
    assert.equal((await answered(flow, 'login', 401, magento)).kind, 'refused');
    assert.equal((await answered(flow, 'login', 401, ['text/html', '<p>Sign-in was INCORRECT</p>'])).kind, 'refused');
    assert.equal((await answered(flow, 'login', 401, BLOCK_PAGE)).kind, 'failed');
  });

  it('counts for more than a session cookie, which servers set before they look at the password', async () => {
    const flow = own({
      answer: { token: 'header:X-Session' },
      refused: [{ status: 200, body: { '/error/name': 'AccessDenied' } }],
    });
    const session = { 'x-session': 's-1' };
    assert.equal((await answered(flow, 'login', 200, { error: { name: 'AccessDenied' } }, session)).kind, 'refused');
    assert.equal((await answered(flow, 'login', 200, { result: {} }, session)).kind, 'granted');
    // A token in the body is one: it may have cost a refresh token.
    const other = own({ refused: [{ status: 200, body: { '/warning': 'old client' } }] });
    assert.equal((await answered(other, 'login', 200, { token: 't', warning: 'old client' })).kind, 'granted');
  });

  it('may stand beside both calls, for a flow that extends another', async () => {
    const flow = flowSchema.parse({
      ...PRESETS['oauth2']!,
      refused: [{ status: '4xx', body: { '/error': 'account_closed' } }],
    });
    for (const which of ['login', 'refresh'] as const) {
      assert.equal((await answered(flow, which, 400, { error: 'account_closed' })).kind, 'refused');
      assert.equal((await answered(flow, which, 400, { error: 'invalid_grant' })).kind, 'refused');
    }
  });
});
