import assert from 'node:assert/strict';
import { freshFolder } from '../support/files.ts';
import type { OauthAccount } from '../oauth/account.ts';
import type { Certificates } from '../oauth/authorization-server.ts';
import { makeCertificates } from '../oauth/certificates.ts';
import { OidcProvider } from '../oauth/oidc-provider.ts';
import { prove, PROOFS } from '../oauth/proofs.ts';
import { Stage } from '../oauth/stage.ts';

/** Here a part only; npm run verify:oauth makes every proof with every account. */
describe('a hundred requests that meet a dead token of a real authorization server', () => {
  const folder = freshFolder();
  let certificates: Certificates;
  let server: OidcProvider;

  beforeEach(async function () {
    certificates = makeCertificates(this, folder());
    server = await OidcProvider.start(certificates);
  });
  afterEach(() => server?.close());

  const named = (name: string): OauthAccount => server.accounts.find((one) => one.name === name)!;
  const made = (proof: string, account: OauthAccount): Promise<string | undefined> =>
    Stage.with(server, account, certificates, (stage) =>
      prove(
        PROOFS.find(({ name }) => name.includes(proof))!,
        stage,
        100,
      ),
    );

  for (const name of ['refresh token', 'private_key_jwt', 'refresh token bound by DPoP', 'client certificate'])
    it(`cost one renewal: ${name}`, async () => {
      assert.equal(await made('one renewal', named(name)), undefined);
    });

  for (const name of ['refresh token with a grace time', 'refresh token beside a login'])
    it(`cost one more where the response of the first is lost, and no family: ${name}`, async () => {
      assert.equal(await made('after the request is carried out', named(name)), undefined);
    });

  it('would be found out to cost the family', async () => {
    const account: OauthAccount = { ...named('refresh token'), recovery: 'grace' };
    // This server has no grace time for the client, so what tokenward repeats is spent.
    const wrong = await made('after the request is carried out', account).catch(String);
    assert.match(String(wrong), /the account is dead/);
  });
});
