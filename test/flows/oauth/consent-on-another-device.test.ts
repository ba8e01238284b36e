import assert from 'node:assert/strict';
import { connectByDevice } from '../../../src/flows/oauth/connect.ts';
import { oauthSchema } from '../../../src/flows/oauth/schema.ts';
import { newCaller, refresh, shown } from './caller.ts';
import { Person } from './person.ts';
import { freshProvider, SECRET_CREDENTIALS, secretClient } from './provider.ts';

const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';

describe('a consent on another device at a real authorization server (RFC 8628)', () => {
  const provider = freshProvider({
    clients: [
      secretClient('client_secret_basic', { application_type: 'native', grant_types: [DEVICE, 'refresh_token'] }),
      {
        client_id: 'public',
        application_type: 'native',
        token_endpoint_auth_method: 'none',
        grant_types: [DEVICE, 'refresh_token'],
        response_types: [],
        redirect_uris: [],
      },
    ],
    features: { deviceFlow: { enabled: true } },
  });

  for (const [what, values] of [
    ['with a secret', SECRET_CREDENTIALS],
    ['without one', { clientId: 'public' }],
  ] as const) {
    it(`brings a client ${what} a token and a refresh token`, async () => {
      const { issuer } = provider();
      const oauth = oauthSchema.parse({ issuer, grant: 'refresh_token', scope: 'openid offline_access' });
      let person: Promise<string> | undefined;
      let rounds = 0;
      const result = await connectByDevice(oauth, values, newCaller(), {
        signal: new AbortController().signal,
        onUserCode: ({ userCode, verificationUri, complete }) => {
          assert.match(userCode, /^\w{4}-\w{4}$/);
          assert.equal(verificationUri, `${issuer}/device`);
          person = new Person().consent(complete!, issuer);
        },
        // The first time too early.
        wait: async () => void ((rounds += 1) > 1 && (await person)),
      });
      assert.equal(shown(result), 'granted');
      assert.deepEqual(provider().outcomes.slice(-2), ['authorization_pending', 'granted']);
      assert.ok(result.outcome.kind === 'granted');
      const refreshToken = result.outcome.grant.refreshSecret;
      assert.equal(shown(await refresh({ issuer }, { ...values, refreshToken })), 'granted');
    });
  }
});
