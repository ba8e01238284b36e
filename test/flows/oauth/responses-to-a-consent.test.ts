import assert from 'node:assert/strict';
import { connectByCode, type BrowserConsent } from '../../../src/flows/oauth/connect.ts';
import type { OauthResult } from '../../../src/flows/oauth/run-oauth.ts';
import { oauthSchema, type OauthInput } from '../../../src/flows/oauth/schema.ts';
import { listenForCallback } from '../../../src/http/server/callback.ts';
import { newCaller, shown } from './caller.ts';
import { freshEndpoint, GRANT, no } from './endpoint.ts';

describe('after a consent in a browser', () => {
  const endpoint = freshEndpoint();
  let metadata: Record<string, unknown>;
  beforeEach(() => {
    const { url } = endpoint();
    metadata = { authorization_response_iss_parameter_supported: true };
    endpoint().answer = ({ path }) =>
      path.startsWith('/.well-known/')
        ? {
            body: {
              issuer: url,
              token_endpoint: `${url}/token`,
              authorization_endpoint: `${url}/authorize?a=b`,
              ...metadata,
            },
          }
        : GRANT;
  });
  const tokenRequests = (): unknown[] => endpoint().seen.filter(({ path }) => path === '/token');

  /** `back` is what the browser brings; STATE and REDIRECT stand for what it was given. */
  const connect = async (
    back: readonly string[],
    oauth: Partial<OauthInput> = {},
    more: Partial<BrowserConsent> = {},
  ): Promise<{ result: OauthResult; asked: URL; statuses: number[] }> => {
    let asked: URL | undefined;
    const statuses: number[] = [];
    let came: Promise<void> | undefined;
    const input = oauth.tokenUrl === undefined ? { issuer: endpoint().url, ...oauth } : oauth;
    const result = await connectByCode(oauthSchema.parse(input), { clientId: 'c' }, newCaller(), {
      listen: listenForCallback,
      signal: new AbortController().signal,
      onUrl: (url) => {
        asked = new URL(url);
        const state = asked.searchParams.get('state')!;
        const redirect = asked.searchParams.get('redirect_uri')!;
        came = (async () => {
          for (const query of back) {
            const { status } = await fetch(
              `${redirect}?${query.replace('STATE', state).replace('ISSUER', endpoint().url)}`,
            );
            statuses.push(status);
          }
        })();
      },
      ...more,
    });
    await came;
    return { result, asked: asked!, statuses };
  };

  it('the code is exchanged, with the redirect URI and the verifier', async () => {
    const { result, asked } = await connect(['code=x%2By&state=STATE&iss=ISSUER'], { extra: { tenant: 't' } });
    assert.equal(shown(result), 'granted');
    const form = Object.fromEntries(endpoint().seen.at(-1)!.form);
    assert.deepEqual([form['grant_type'], form['code'], form['tenant']], ['authorization_code', 'x+y', 't']);
    assert.equal(form['redirect_uri'], asked.searchParams.get('redirect_uri'));
    assert.equal(asked.searchParams.get('a'), 'b');
  });

  it('a response that somebody else made up is refused, and the right one is still waited for', async () => {
    const { result, statuses } = await connect(['code=evil&state=other', 'code=evil', 'code=x&state=STATE&iss=ISSUER']);
    assert.equal(shown(result), 'granted');
    assert.deepEqual(statuses, [400, 400, 200]);
    assert.equal(endpoint().seen.at(-1)!.form.get('code'), 'x');
  });

  for (const [what, back] of [
    ['of another issuer (RFC 9207)', 'code=x&state=STATE&iss=https://evil.example'],
    ['without the issuer that the server promises', 'code=x&state=STATE'],
    ['with two issuers', 'code=x&state=STATE&iss=ISSUER&iss=ISSUER'],
    ['with a token', 'code=x&state=STATE&iss=ISSUER&token=canary'],
  ] as const) {
    it(`a response ${what} is not used`, async () => {
      const { result } = await connect([back]);
      assert.equal(
        shown(result),
        'failed (malformed, answered): the browser came back with a response that is not to this request',
      );
      assert.deepEqual(tokenRequests(), []);
    });
  }

  for (const query of ['', 'code=x&code=y&']) {
    it(`a response with ${query === '' ? 'no code' : 'two codes'} is not used`, async () => {
      const { result } = await connect([`${query}state=STATE&iss=ISSUER`]);
      const expected = 'failed (malformed, answered): the browser came back without a code, or with several';
      assert.equal(shown(result), expected);
      assert.deepEqual(tokenRequests(), []);
    });
  }

  it('the issuer is not checked where the configuration does not name it', async () => {
    const { url } = endpoint();
    const { result } = await connect(['code=x&state=STATE&iss=https://id.example'], {
      tokenUrl: `${url}/token`,
      authorizeUrl: `${url}/login?access_type=offline`,
    });
    assert.equal(shown(result), 'granted');
  });

  for (const [error, said] of [
    ['access_denied', 'with access_denied'],
    ['%3Cscript%3E', 'with an error'],
  ] as const) {
    it(`an error is a refusal that is shown only if it is plain: ${error}`, async () => {
      const { result } = await connect([`error=${error}&state=STATE&iss=ISSUER`]);
      assert.equal(shown(result), `refused: the authorization server sent the browser back ${said}`);
    });
  }

  it('a refused code is a refusal', async () => {
    const { answer } = endpoint();
    endpoint().answer = (request, count) => (request.path === '/token' ? no('invalid_grant') : answer(request, count));
    const { result } = await connect(['code=x&state=STATE&iss=ISSUER']);
    assert.equal(shown(result), 'refused: status 400, code invalid_grant');
  });

  it('that nobody gives, it ends', async () => {
    const { result } = await connect([], {}, { timeout: 50 });
    assert.equal(shown(result), 'failed (timeout, unsent): nobody consented within the time for it');
  });

  it('that is no longer wanted, it ends', async () => {
    const ends = new AbortController();
    await assert.rejects(connect([], {}, { signal: ends.signal, onUrl: () => ends.abort(new Error('enough')) }), {
      message: 'enough',
    });
  });

  it('the port is free again', async () => {
    const { asked } = await connect(['code=x&state=STATE&iss=ISSUER']);
    await assert.rejects(fetch(asked.searchParams.get('redirect_uri')!));
  });

  for (const [what, oauth, reason] of [
    ['authorization endpoint', {}, 'no authorizeUrl, and the metadata names no such endpoint'],
    [
      'way back',
      { authorizeUrl: 'https://x', redirectUri: 'https://app.example/back' },
      'redirectUri does not lead to http://127.0.0.1 or http://localhost',
    ],
  ] as const) {
    it(`cannot be asked for without a ${what}`, async () => {
      metadata = { authorization_endpoint: undefined };
      const { result } = await connect([], oauth);
      assert.deepEqual(result.outcome, { kind: 'impossible', reason });
    });
  }

  it('cannot be asked for on a port that is taken', async () => {
    const taken = await listenForCallback({ port: 0, path: '/', hosts: [], accept: () => false });
    try {
      const { result } = await connect([], { redirectPort: taken.port });
      const reason = `port ${taken.port} of 127.0.0.1 cannot be listened on`;
      assert.deepEqual(result.outcome, { kind: 'impossible', reason });
    } finally {
      await taken.close();
    }
  });
});
