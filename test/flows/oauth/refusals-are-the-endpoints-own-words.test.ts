import assert from 'node:assert/strict';
import { login, newCaller, refresh, shown } from './caller.ts';
import { freshEndpoint, no, type Reply } from './endpoint.ts';

const CLIENT = { clientId: 'app', clientSecret: 's-77-xx', refreshToken: 'r-77-xx' };

describe('an OAuth 2.0 endpoint refuses', () => {
  const endpoint = freshEndpoint();
  const after = async (reply: Reply, kind = login): Promise<string> => {
    endpoint().answer = () => reply;
    return shown(await kind({ tokenUrl: `${endpoint().url}/token`, clientAuth: 'post' }, CLIENT));
  };

  for (const error of [
    'invalid_client',
    'invalid_grant',
    'unauthorized_client',
    'unsupported_grant_type',
    'invalid_scope',
    'invalid_request',
  ]) {
    it(`by ${error} (RFC 6749 §5.2)`, async () =>
      assert.equal(await after(no(error)), `refused: status 400, code ${error}`));
  }

  it('by its error beside a challenge, which the RFC requires there', async () =>
    assert.equal(
      await after(no('invalid_client', 401, { 'www-authenticate': 'Basic realm="id"' })),
      'refused: status 401, code invalid_client',
    ));

  for (const type of ['text/plain', 'application/problem+json', 'Application/JSON ; charset=utf-8']) {
    it(`by an error of type ${type}`, async () =>
      assert.equal(
        await after({ status: 400, headers: { 'content-type': type }, body: '{"error":"invalid_grant"}' }),
        'refused: status 400, code invalid_grant',
      ));
  }

  it('by an error in a 200', async () =>
    assert.equal(await after({ body: { error: 'invalid_grant' } }), 'refused: status 200, code invalid_grant'));

  for (const error of ['bad_refresh_token', 'invalid_code', 'expired_token', 'interaction_required']) {
    it(`by ${error}, which vendors send, a refresh and not a login`, async () => {
      assert.equal(await after(no(error), refresh), `refused: status 400, code ${error}`);
      assert.equal(
        await after(no(error)),
        `failed (status_4xx, answered): ${endpoint().host} answered 400, code ${error}`,
      );
    });
  }

  for (const status of [410, 419, 440, 498]) {
    it(`a refresh by ${status} with a document`, async () => {
      assert.match(await after({ status, body: { message: 'gone' } }, refresh), /^refused: status \d+$/);
      assert.match(await after({ status, body: '<p>gone</p>' }, refresh), /^failed/);
    });
  }

  it('by what the flow itself names', async () => {
    endpoint().answer = () => ({ status: 403, body: { code: 17 } });
    const rules = { refused: [{ body: { '/code': 17 }, format: 'json' as const }], busy: [] };
    const oauth = { tokenUrl: `${endpoint().url}/token` };
    assert.equal(shown(await login(oauth, CLIENT, newCaller({ rules }))), 'refused: status 403');
  });

  it('and a code that quotes a secret is not repeated', async () => {
    endpoint().answer = ({ form }) => no(form.get('client_secret')!.replaceAll('-', '_'));
    const values = { clientId: 'app', clientSecret: 'canary_secret_77' };
    const result = await login({ tokenUrl: `${endpoint().url}/token` }, values);
    assert.equal(shown(result), `failed (status_4xx, answered): ${endpoint().host} answered 400`);
  });

  it('nor one that quotes a secret that stands in the flow', async () => {
    endpoint().answer = () => no('written_here_77');
    const oauth = { tokenUrl: `${endpoint().url}/token`, grant: 'password', password: 'written_here_77' } as const;
    const result = await login(oauth, { username: 'u' });
    assert.equal(shown(result), `failed (status_4xx, answered): ${endpoint().host} answered 400`);
  });
});
