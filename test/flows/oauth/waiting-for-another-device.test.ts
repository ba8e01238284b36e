import assert from 'node:assert/strict';
import { connectByDevice } from '../../../src/flows/oauth/connect.ts';
import type { OauthCaller, OauthResult } from '../../../src/flows/oauth/run-oauth.ts';
import { oauthSchema, type OauthInput } from '../../../src/flows/oauth/schema.ts';
import { FakeClock } from '../../support/clock.ts';
import { newCaller, shown } from './caller.ts';
import { freshEndpoint, GRANT, no, type Reply } from './endpoint.ts';

const STARTED = {
  device_code: 'canary-device',
  user_code: 'ABCD',
  verification_uri: 'https://x/device',
  expires_in: 600,
};

describe('while a person consents on another device', () => {
  const endpoint = freshEndpoint();
  let clock: FakeClock;
  let started: Reply;
  let replies: Reply[];
  let waits: number[];
  let codes: unknown[];
  beforeEach(() => {
    clock = new FakeClock();
    [started, replies, waits, codes] = [{ body: STARTED }, [GRANT], [], []];
    endpoint().answer = ({ path }) => (path === '/device' ? started : (replies.shift() ?? no('authorization_pending')));
  });
  const connect = async (
    oauth: Partial<OauthInput> = {},
    caller: Partial<OauthCaller> = {},
    signal = new AbortController().signal,
  ): Promise<OauthResult> => {
    const { url } = endpoint();
    return connectByDevice(
      oauthSchema.parse({ tokenUrl: `${url}/token`, deviceUrl: `${url}/device`, scope: 'a', ...oauth }),
      { clientId: 'c' },
      newCaller({ now: () => clock.wall(), ...caller }),
      {
        signal,
        onUserCode: (shownCode) => void codes.push(shownCode),
        wait: async (ms) => {
          waits.push(ms / 1000);
          clock.pass(ms);
        },
      },
    );
  };

  it('the code is shown, and the server is asked every five seconds', async () => {
    replies = [no('authorization_pending'), no('authorization_pending'), GRANT];
    assert.equal(shown(await connect({ resource: 'https://api' })), 'granted');
    assert.deepEqual(codes, [{ userCode: 'ABCD', verificationUri: 'https://x/device', complete: undefined }]);
    assert.deepEqual(waits, [5, 5, 5]);
    const [first, , , last] = endpoint().seen.map(({ form }) => Object.fromEntries(form));
    assert.deepEqual(first, { client_id: 'c', scope: 'a', resource: 'https://api' });
    assert.deepEqual(last, {
      client_id: 'c',
      grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
      device_code: 'canary-device',
      resource: 'https://api',
    });
  });

  it('the server says how often, and how much less often', async () => {
    started = { body: { ...STARTED, interval: 2 } };
    replies = [no('authorization_pending'), no('slow_down'), no('slow_down'), GRANT];
    assert.equal(shown(await connect()), 'granted');
    assert.deepEqual(waits, [2, 2, 7, 12]);
  });

  for (const [interval, waited] of [
    [0.001, 1],
    [1e12, 3600],
  ] as const) {
    it(`the server may not ask for an interval of ${interval} seconds`, async () => {
      started = { body: { ...STARTED, interval, expires_in: 10_000 } };
      assert.equal(shown(await connect()), 'granted');
      assert.deepEqual(waits, [waited]);
    });
  }

  it('a server in trouble is asked less and less often', async () => {
    replies = [
      { status: 503, body: '' },
      { status: 429, body: '' },
      { status: 503, body: '' },
      { status: 500, body: '' },
      { status: 500, body: '' },
      GRANT,
    ];
    assert.equal(shown(await connect()), 'granted');
    assert.deepEqual(waits, [5, 10, 20, 40, 60, 60]);
  });

  for (const [what, reply, expected] of [
    ['denies', no('access_denied'), 'refused: the person did not consent'],
    ['is too late', no('expired_token'), 'failed (timeout, answered): nobody consented before the code expired'],
  ] as const) {
    it(`and ${what}, it ends`, async () => {
      replies = [no('authorization_pending'), reply];
      assert.equal(shown(await connect()), expected);
    });
  }

  it('the server does not know the code any more', async () => {
    replies = [no('invalid_grant')];
    assert.equal(shown(await connect()), 'refused: status 400, code invalid_grant');
  });

  it('and does nothing, it ends with the code', async () => {
    replies = [];
    assert.equal(shown(await connect()), 'failed (timeout, answered): nobody consented before the code expired');
    assert.equal(waits.length, 120);
  });

  it('it may be no longer wanted', async () => {
    replies = [];
    const ends = new AbortController();
    endpoint().answer = ({ path }, count) => {
      if (count === 3) ends.abort(new Error('enough'));
      return path === '/device' ? started : no('authorization_pending');
    };
    await assert.rejects(connect({}, {}, ends.signal), { message: 'enough' });
  });

  it('an older name of the address is understood', async () => {
    const { verification_uri: address, ...rest } = STARTED;
    started = { body: { ...rest, verification_url: address, verification_uri_complete: 'https://x/device?ABCD' } };
    assert.equal(shown(await connect()), 'granted');
    assert.deepEqual(codes, [{ userCode: 'ABCD', verificationUri: address, complete: 'https://x/device?ABCD' }]);
  });

  for (const [what, reply, expected] of [
    [
      'no code',
      { body: { user_code: 'ABCD' } },
      /^failed \(malformed, answered\): no device code: .* with the fields user_code$/,
    ],
    [
      'a code that a terminal would obey',
      { body: { ...STARTED, user_code: '\u001b[2J' } },
      /^failed \(malformed, answered\): no device code: /,
    ],
    [
      'an address that is no URL',
      { body: { ...STARTED, verification_uri: 'javascript:x' } },
      /^failed \(malformed, answered\): no device code: /,
    ],
    ['a page', { body: '<html>' }, /^failed \(malformed, answered, maybe spent\): /],
    ['a refusal', no('unauthorized_client'), /^refused: status 400, code unauthorized_client$/],
  ] as const) {
    it(`does not begin with ${what}`, async () => {
      started = reply;
      assert.match(shown(await connect()), expected);
      assert.deepEqual(codes, []);
    });
  }

  it('does not begin without an endpoint', async () => {
    const oauth = oauthSchema.parse({ tokenUrl: `${endpoint().url}/token` });
    const result = await connectByDevice(oauth, { clientId: 'c' }, newCaller(), {
      signal: new AbortController().signal,
      onUserCode: () => undefined,
    });
    assert.deepEqual(result.outcome, {
      kind: 'impossible',
      reason: 'no deviceUrl, and the metadata names no such endpoint',
    });
  });
});
