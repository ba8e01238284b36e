import assert from 'node:assert/strict';
import { Recipes } from '../../src/config/recipes.ts';
import { connectByCode } from '../../src/flows/oauth/connect.ts';
import { OauthMemory } from '../../src/flows/oauth/memory.ts';
import type { TokenRequest } from '../../src/flows/run.ts';
import { allRecipes } from './stage.ts';

const recipes = new Recipes();
/** Where the vendor asks a person, and what it must be told besides what every authorization request has. */
const CONSENTS: Readonly<Record<string, readonly [page: string, parameters: object]>> = {
  dropbox: ['https://www.dropbox.com/oauth2/authorize', { token_access_type: 'offline' }],
  hubspot: ['https://app.hubspot.com/oauth/authorize', {}],
  'sber-api': ['https://sbi.sberbank.ru:9443/ic/sso/api/v2/oauth/authorize', {}],
  zoho: ['https://accounts.zoho.eu/oauth/v2/auth', { access_type: 'offline', prompt: 'consent' }],
};
/** Those whose consent comes back in a form of the vendor's own. */
const WITHOUT = ['amazon-sp-api'];
const CREDENTIALS = { clientId: 'app-1', clientSecret: 'hush-7f3a', scope: 'one two' };

describe('tokenward connect with a recipe', () => {
  it('is possible wherever oauth spends a refresh token', () => {
    const spending = allRecipes().filter((name) => recipes.get(name)!.oauth?.grant === 'refresh_token');
    assert.deepEqual(spending, [...Object.keys(CONSENTS), ...WITHOUT].sort());
  });

  for (const [name, [page, parameters]] of Object.entries(CONSENTS))
    for (const redirectUri of [undefined, 'http://localhost:9999/back'])
      it(`asks at the vendor's page, and spends the code: ${name}, ${redirectUri ?? 'by default'}`, async () => {
        const { oauth, credentials } = recipes.get(name)!;
        const values = {
          ...CREDENTIALS,
          ...(redirectUri !== undefined && { redirectUri }),
          ...(Object.hasOwn(credentials, 'dc') && { dc: 'eu' }),
        };
        const back = redirectUri ?? 'http://localhost:8976/callback';
        const sent: TokenRequest[] = [];
        let asked: URL | undefined;
        const result = await connectByCode(
          oauth!,
          values,
          {
            send: async (request) => {
              sent.push(request);
              const body = '{"access_token":"a","refresh_token":"r","token_type":"Bearer","expires_in":3600}';
              return { status: 200, headers: { 'content-type': 'application/json' }, body };
            },
            now: Date.now,
            memory: new OauthMemory(),
          },
          {
            onUrl: (url) => (asked = new URL(url)),
            listen: async ({ port, path, hosts }) => {
              assert.deepEqual([`http://${hosts[0]!}:${port}${path}`], [back]);
              return {
                port,
                get received() {
                  const state = asked!.searchParams.get('state')!;
                  return Promise.resolve(new URLSearchParams({ code: 'code-1', state }));
                },
                close: async () => undefined,
              };
            },
            signal: new AbortController().signal,
          },
        );
        assert.ok(result.outcome.kind === 'granted', JSON.stringify(result.outcome));
        assert.equal(result.outcome.grant.refreshSecret, 'r');
        const { state, code_challenge: challenge, ...query } = Object.fromEntries(asked!.searchParams);
        assert.ok(state !== undefined && challenge !== undefined);
        assert.equal(`${asked!.origin}${asked!.pathname}`, page);
        assert.deepEqual(query, {
          ...parameters,
          response_type: 'code',
          client_id: 'app-1',
          scope: 'one two',
          redirect_uri: back,
          code_challenge_method: 'S256',
        });
        const { code_verifier: verifier, ...form } = Object.fromEntries(new URLSearchParams(sent[0]!.body));
        assert.match(verifier ?? '', /^[\w-]{43}$/);
        assert.deepEqual(form, {
          grant_type: 'authorization_code',
          code: 'code-1',
          redirect_uri: back,
          client_id: 'app-1',
          client_secret: 'hush-7f3a',
        });
        assert.equal(sent.length, 1);
      });
});
