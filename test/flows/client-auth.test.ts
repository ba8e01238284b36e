import assert from 'node:assert/strict';
import { ClientAuthMemory } from '../../src/flows/client-auth.ts';
import { PRESETS } from '../../src/flows/presets.ts';
import { TokenCallError, type TokenResponse, type TokenRequest } from '../../src/flows/run.ts';
import { runCall } from '../support/run-call.ts';
import type { Outcome } from '../../src/tokens/credential.ts';

const oauth2 = PRESETS['oauth2']!;
const CLIENT = { tokenUrl: 'https://id.example/token', clientId: 'my app', clientSecret: 's:e%c' };
const GRANT = { status: 200, headers: {}, body: '{"access_token":"abc"}' };
const no = (error: string, status = 401): TokenResponse => ({ status, headers: {}, body: JSON.stringify({ error }) });

/** How a request shows the client. */
function shown({ headers, body }: TokenRequest): 'basic' | 'post' | 'both' | 'none' {
  const [header, form] = [headers['authorization'] !== undefined, new URLSearchParams(body).has('client_id')];
  return header ? (form ? 'both' : 'basic') : form ? 'post' : 'none';
}

/** An endpoint that takes one way only. */
class Endpoint {
  readonly seen: TokenRequest[] = [];
  readonly memory = new ClientAuthMemory();
  takes: 'basic' | 'post' | 'neither' = 'basic';
  then: TokenResponse = GRANT;

  async call(which: 'login' | 'refresh', values: Record<string, unknown> = {}): Promise<Outcome> {
    return runCall(
      oauth2[which]!,
      oauth2,
      undefined,
      { ...CLIENT, refreshToken: 'r', ...values },
      async (request) => {
        this.seen.push(request);
        return shown(request) === this.takes ? this.then : no('invalid_client');
      },
      () => 0,
      this.memory,
    );
  }

  get ways(): string[] {
    return this.seen.map(shown);
  }
}

describe('an OAuth 2.0 client shows itself', () => {
  let endpoint: Endpoint;
  beforeEach(() => {
    endpoint = new Endpoint();
  });

  it('by Basic, if the account says so: both parts form-encoded before they are joined', async () => {
    assert.equal((await endpoint.call('login', { clientAuth: 'basic' })).kind, 'granted');
    assert.equal(
      endpoint.seen[0]!.headers['authorization'],
      `Basic ${Buffer.from('my+app:s%3Ae%25c').toString('base64')}`,
    );
    assert.deepEqual([...new URLSearchParams(endpoint.seen[0]!.body)], [['grant_type', 'client_credentials']]);
  });

  it('in the form, if the account says so', async () => {
    endpoint.takes = 'post';
    assert.equal((await endpoint.call('login', { clientAuth: 'post' })).kind, 'granted');
    assert.deepEqual(
      [...new URLSearchParams(endpoint.seen[0]!.body)],
      [
        ['grant_type', 'client_credentials'],
        ['client_id', 'my app'],
        ['client_secret', 's:e%c'],
      ],
    );
  });

  it('in no other way, if the account says which', async () => {
    assert.equal((await endpoint.call('login', { clientAuth: 'post' })).kind, 'refused');
    endpoint.takes = 'post';
    assert.equal((await endpoint.call('login', { clientAuth: 'basic' })).kind, 'refused');
    assert.deepEqual(endpoint.ways, ['post', 'basic']);
  });

  it('in no way that nobody knows', async () => {
    assert.deepEqual(await endpoint.call('login', { clientAuth: 'digest' }), {
      kind: 'impossible',
      reason: 'a client authenticates by one of auto, post, basic',
    });
    assert.equal(endpoint.seen.length, 0);
  });

  for (const which of ['login', 'refresh'] as const) {
    it(`${which}: otherwise in the form first, and by Basic if the endpoint does not know the client; what worked is remembered`, async () => {
      for (let i = 0; i < 3; i += 1) assert.equal((await endpoint.call(which)).kind, 'granted');
      assert.deepEqual(endpoint.ways, ['post', 'basic', 'basic', 'basic']);
    });

    it(`${which}: once, where the form works`, async () => {
      endpoint.takes = 'post';
      await endpoint.call(which);
      assert.deepEqual(endpoint.ways, ['post']);
    });

    it(`${which}: a wrong secret is shown once in each way, and then only in the way that worked before`, async () => {
      endpoint.takes = 'neither';
      assert.deepEqual(await endpoint.call(which), { kind: 'refused', reason: 'status 401, code invalid_client' });
      assert.deepEqual(endpoint.ways, ['post', 'basic']);
      endpoint.takes = 'post';
      await endpoint.call(which);
      endpoint.takes = 'neither';
      await endpoint.call(which);
      assert.deepEqual(endpoint.ways.slice(2), ['post', 'post']);
    });
  }

  it('a refusal that is not about the client is final: the endpoint has looked at the grant', async () => {
    endpoint.takes = 'post';
    for (const error of ['invalid_grant', 'unauthorized_client', 'invalid_request', 'invalid_scope']) {
      endpoint.then = no(error, 400);
      assert.equal((await endpoint.call('refresh')).kind, 'refused', error);
    }
    assert.deepEqual(endpoint.ways, ['post', 'post', 'post', 'post']);
  });

  it('by Basic, a refusal of the grant counts, and proves the way', async () => {
    endpoint.then = no('invalid_grant', 400);
    assert.deepEqual(await endpoint.call('refresh'), { kind: 'refused', reason: 'status 400, code invalid_grant' });
    await endpoint.call('refresh');
    assert.deepEqual(endpoint.ways, ['post', 'basic', 'basic']);
  });

  for (const [what, reply] of [
    ['a block page', { status: 401, headers: {}, body: '<html>' }],
    ['a 401 without words', { status: 401, headers: {}, body: '' }],
    ['invalid_client in a 200', { status: 200, headers: {}, body: '{"error":"invalid_client"}' }],
    ['a 429', { status: 429, headers: {}, body: '{"error":"invalid_client"}' }],
    ['a 500', no('invalid_client', 500)],
  ] as const) {
    it(`${what} proves nothing: no second call`, async () => {
      endpoint.takes = 'post';
      endpoint.then = reply;
      await endpoint.call('refresh');
      assert.deepEqual(endpoint.ways, ['post']);
    });
  }

  it('what becomes of the second call is the outcome', async () => {
    let calls = 0;
    const outcome = await runCall(
      oauth2.refresh!,
      oauth2,
      undefined,
      { ...CLIENT, refreshToken: 'r' },
      async () => {
        calls += 1;
        if (calls === 1) return no('invalid_client');
        throw new TokenCallError('reset', true);
      },
      () => 0,
    );
    assert.deepEqual([outcome.kind, outcome.kind === 'failed' && outcome.maybeSpent, calls], ['failed', true, 2]);
  });

  it('without a secret: by its name in the form, and in no other way', async () => {
    assert.equal((await endpoint.call('login', { clientSecret: undefined })).kind, 'refused');
    assert.deepEqual(endpoint.ways, ['post']);
    assert.deepEqual(
      [...new URLSearchParams(endpoint.seen[0]!.body)],
      [
        ['grant_type', 'client_credentials'],
        ['client_id', 'my app'],
      ],
    );
  });

  it("what one client has learnt is not another's", async () => {
    await endpoint.call('login');
    await endpoint.call('login', { clientId: 'another' });
    await endpoint.call('login', { tokenUrl: 'https://id.example/other' });
    assert.deepEqual(endpoint.ways, ['post', 'basic', 'post', 'basic', 'post', 'basic']);
  });
});
