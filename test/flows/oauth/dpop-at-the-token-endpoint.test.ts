import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { calculateJwkThumbprint, decodeJwt } from 'jose';
import { newDpopKey, readDpopKey } from '../../../src/flows/oauth/dpop.ts';
import { login, newCaller, refresh, shown } from './caller.ts';
import { freshProvider, SECRET_CREDENTIALS, secretClient } from './provider.ts';

const DPOP = (requireNonce: boolean): Record<string, unknown> => ({
  dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => requireNonce },
});

describe('a token bound to a key, at a server that demands its nonce', () => {
  const provider = freshProvider({ clients: [secretClient('client_secret_basic')], features: DPOP(true) });

  it('takes a second request for the first token, and one for each further', async () => {
    const { issuer } = provider();
    const caller = newCaller();
    const oauth = { issuer, clientAuth: 'basic', dpop: true } as const;
    for (let i = 0; i < 3; i += 1) assert.equal(shown(await login(oauth, SECRET_CREDENTIALS, caller)), 'granted');
    assert.deepEqual(provider().outcomes, ['use_dpop_nonce', 'granted', 'granted', 'granted']);
  });

  it('is bound to the key that comes with it', async () => {
    const { issuer } = provider();
    const { response, dpopKey } = await login({ issuer, clientAuth: 'basic', dpop: true }, SECRET_CREDENTIALS);
    assert.equal((response!.json as Record<string, unknown>)['token_type'], 'DPoP');
    assert.deepEqual(Object.keys(JSON.parse(dpopKey!) as object).sort(), ['crv', 'd', 'kty', 'x', 'y']);
  });

  it('stays bound to a key that is given', async () => {
    const { issuer } = provider();
    const oauth = { issuer, clientAuth: 'basic', dpop: true } as const;
    const first = await login(oauth, SECRET_CREDENTIALS);
    const second = await login(oauth, { ...SECRET_CREDENTIALS, dpopKey: first.dpopKey });
    assert.equal(second.dpopKey, first.dpopKey);
    const keys = provider().judged.map(({ headers }) => JSON.stringify(headerOf(headers['dpop']!)['jwk']));
    assert.equal(new Set(keys).size, 1);
  });
});

describe('a token bound to a key, of a client without a secret', () => {
  const provider = freshProvider({
    clients: [
      {
        client_id: 'public',
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        redirect_uris: ['https://app.example/callback'],
      },
    ],
    features: DPOP(false),
  });

  it('is renewed with the same key, and refused with another (RFC 9449 §5)', async () => {
    const { issuer } = provider();
    const oauth = { issuer, grant: 'refresh_token', dpop: true } as const;
    const dpopKey = newDpopKey();
    const jkt = await calculateJwkThumbprint(readDpopKey(dpopKey).publicJwk);
    const refreshToken = await provider().consent('public', { jkt });
    const other = await refresh(oauth, { clientId: 'public', refreshToken, dpopKey: newDpopKey() });
    assert.equal(shown(other), 'refused: status 400, code invalid_grant');
    assert.equal(shown(await refresh(oauth, { clientId: 'public', refreshToken, dpopKey })), 'granted');
    const proof = decodeJwt(provider().judged[0]!.headers['dpop']!);
    assert.deepEqual([proof['htm'], proof['htu']], ['POST', `${issuer}/token`]);
  });
});

function headerOf(jwt: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(jwt.split('.')[0]!, 'base64url').toString()) as Record<string, unknown>;
}
