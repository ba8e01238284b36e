import assert from 'node:assert/strict';
import { decodeJwt } from 'jose';
import { FakeClock } from '../../support/clock.ts';
import { login, newCaller, refresh, shown } from './caller.ts';
import { freshEndpoint, GRANT, no, type SeenRequest } from './endpoint.ts';

const CLIENT = { clientId: 'c', clientSecret: 'a secret of some length', refreshToken: 'r' };

describe('a clock that differs from the token endpoint’s', () => {
  const endpoint = freshEndpoint();
  const dated = (request: SeenRequest): number =>
    decodeJwt((request.form.get('client_assertion') ?? request.headers['dpop']) as string).iat!;
  /** Judges assertions and proofs as servers do. */
  const judge = (error: string) => (request: SeenRequest) =>
    Math.abs(dated(request) - Date.now() / 1000) < 60
      ? { ...GRANT, body: { access_token: 'abc', token_type: 'DPoP' } }
      : no(error, 401);

  for (const hours of [-5, 5]) {
    it(`is corrected after a refused assertion (${hours} h), and once for all`, async () => {
      const clock = new FakeClock();
      clock.jump(hours * 3_600_000);
      endpoint().answer = (request) =>
        judge('invalid_client')(request).status === 401 ? no('invalid_client', 401) : GRANT;
      const caller = newCaller({ now: () => clock.wall() });
      const oauth = { tokenUrl: endpoint().url, clientAuth: 'client_secret_jwt' };
      for (let i = 0; i < 2; i += 1) assert.equal(shown(await refresh(oauth, CLIENT, caller)), 'granted');
      assert.equal(endpoint().seen.length, 3);
    });
  }

  it('is corrected after a refused proof', async () => {
    const clock = new FakeClock();
    clock.jump(3_600_000);
    endpoint().answer = judge('invalid_dpop_proof');
    const caller = newCaller({ now: () => clock.wall() });
    assert.equal(shown(await login({ tokenUrl: endpoint().url, dpop: true }, { clientId: 'c' }, caller)), 'granted');
    assert.equal(endpoint().seen.length, 2);
  });

  it('is not the reason of a refused grant, which may be spent: one request', async () => {
    const clock = new FakeClock();
    clock.jump(3_600_000);
    endpoint().answer = () => no('invalid_grant');
    const oauth = { tokenUrl: endpoint().url, clientAuth: 'client_secret_jwt' };
    const result = await refresh(oauth, CLIENT, newCaller({ now: () => clock.wall() }));
    assert.equal(shown(result), 'refused: status 400, code invalid_grant');
    assert.equal(endpoint().seen.length, 1);
  });

  it('is not the reason where the two agree: one request', async () => {
    endpoint().answer = () => no('invalid_client', 401);
    const oauth = { tokenUrl: endpoint().url, clientAuth: 'client_secret_jwt' };
    assert.equal(shown(await refresh(oauth, CLIENT)), 'refused: status 401, code invalid_client');
    assert.equal(endpoint().seen.length, 1);
  });

  it('does not matter where nothing is dated', async () => {
    const clock = new FakeClock();
    clock.jump(3_600_000);
    endpoint().answer = () => no('invalid_client', 401);
    const oauth = { tokenUrl: endpoint().url, clientAuth: 'post' };
    await refresh(oauth, CLIENT, newCaller({ now: () => clock.wall() }));
    assert.equal(endpoint().seen.length, 1);
  });

  it('leaves an assertion good from some seconds ago, because small differences are not corrected', async () => {
    await login({ tokenUrl: endpoint().url, clientAuth: 'client_secret_jwt' }, CLIENT);
    const { iat, nbf, exp } = decodeJwt(endpoint().seen[0]!.form.get('client_assertion')!);
    const now = Date.now() / 1000;
    assert.equal(nbf, iat);
    assert.ok(iat! < now - 8 && iat! > now - 15, String(iat! - now));
    assert.ok(exp! > now + 50 && exp! < now + 70, String(exp! - now));
  });
});
