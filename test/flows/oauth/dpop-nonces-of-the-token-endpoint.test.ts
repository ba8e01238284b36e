import assert from 'node:assert/strict';
import { decodeJwt } from 'jose';
import { login, newCaller, refresh, shown } from './caller.ts';
import { freshEndpoint, no, type Reply, type SeenRequest } from './endpoint.ts';

const BOUND: Reply = { body: { access_token: 'abc', token_type: 'DPoP' } };

describe('a nonce for proofs at the token endpoint', () => {
  const endpoint = freshEndpoint();
  const nonceIn = ({ headers }: SeenRequest): unknown => decodeJwt(headers['dpop'] as string)['nonce'];
  const values = { clientId: 'c', refreshToken: 'r' };
  const oauth = (): { tokenUrl: string; dpop: true } => ({ tokenUrl: `${endpoint().url}/token`, dpop: true });

  it('is sent in a second request after use_dpop_nonce, which spends nothing', async () => {
    endpoint().answer = (request) =>
      nonceIn(request) === 'n1' ? BOUND : no('use_dpop_nonce', 400, { 'dpop-nonce': 'n1' });
    assert.equal(shown(await refresh(oauth(), values)), 'granted');
    assert.deepEqual(endpoint().seen.map(nonceIn), [undefined, 'n1']);
    const [first, second] = endpoint().seen.map(({ form }) => form.toString());
    assert.equal(first, second);
  });

  it('that comes with a grant is sent next time', async () => {
    endpoint().answer = (_request, count) => ({ ...BOUND, headers: { 'dpop-nonce': `n${count}` } });
    const caller = newCaller();
    for (let i = 0; i < 3; i += 1) await login(oauth(), values, caller);
    assert.deepEqual(endpoint().seen.map(nonceIn), [undefined, 'n1', 'n2']);
  });

  it('is not asked for a third time', async () => {
    endpoint().answer = (_request, count) => no('use_dpop_nonce', 400, { 'dpop-nonce': `n${count}` });
    assert.match(shown(await refresh(oauth(), values)), /^failed \(status_4xx, answered\): .* code use_dpop_nonce$/);
    assert.equal(endpoint().seen.length, 2);
  });

  it('that is demanded and not given is a failure after one request', async () => {
    endpoint().answer = () => no('use_dpop_nonce');
    assert.match(shown(await refresh(oauth(), values)), /code use_dpop_nonce$/);
    assert.equal(endpoint().seen.length, 1);
  });

  it('that was sent and is given again does not help: one request', async () => {
    const caller = newCaller();
    caller.memory.nonces.note(endpoint().url, { 'dpop-nonce': 'n1' });
    endpoint().answer = () => no('use_dpop_nonce', 400, { 'dpop-nonce': 'n1' });
    await refresh(oauth(), values, caller);
    assert.deepEqual(endpoint().seen.map(nonceIn), ['n1']);
  });

  it('that another request has just learnt is used all the same', async () => {
    let goOn!: () => void;
    const second = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const caller = newCaller();
    endpoint().answer = (request) =>
      nonceIn(request) === 'n1' ? BOUND : no('use_dpop_nonce', 400, { 'dpop-nonce': 'n1' });
    const { send } = caller;
    const slow = refresh(oauth(), values, {
      ...caller,
      send: async (request) => {
        const response = await send(request);
        await second;
        return response;
      },
    });
    assert.equal(shown(await refresh(oauth(), values, caller)), 'granted');
    goOn();
    assert.equal(shown(await slow), 'granted');
  });

  it('goes with the same client authentication that the endpoint accepts', async () => {
    endpoint().answer = ({ headers, ...request }) => {
      if (headers.authorization === undefined) return no('invalid_client', 401);
      return nonceIn({ headers, ...request }) === 'n1' ? BOUND : no('use_dpop_nonce', 400, { 'dpop-nonce': 'n1' });
    };
    assert.equal(shown(await refresh(oauth(), { ...values, clientSecret: 's' })), 'granted');
    assert.equal(endpoint().seen.length, 3);
  });

  it('with characters that no field can carry is not taken', async () => {
    endpoint().answer = () => no('use_dpop_nonce', 400, { 'dpop-nonce': 'a"b' });
    await refresh(oauth(), values);
    assert.equal(endpoint().seen.length, 1);
  });

  it('a token that anybody could use is not taken where it should be bound', async () => {
    endpoint().answer = () => ({ body: { access_token: 'abc', token_type: 'Bearer' } });
    assert.match(
      shown(await login(oauth(), values)),
      /^failed \(malformed, answered, maybe spent\): a token of type Bearer, although dpop is set: /,
    );
  });
});
