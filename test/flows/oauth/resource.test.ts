import assert from 'node:assert/strict';
import { decodeJwt } from 'jose';
import { login, shown } from './caller.ts';
import { freshProvider, SECRET_CREDENTIALS, secretClient } from './provider.ts';

describe('a token for one API (RFC 8707)', () => {
  const provider = freshProvider({
    clients: [secretClient('client_secret_basic')],
    features: {
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context: unknown, resource: string) => ({
          scope: 'read write',
          audience: resource,
          accessTokenFormat: 'jwt',
        }),
      },
    },
  });

  it('names it as its audience', async () => {
    const oauth = { issuer: provider().issuer, resource: 'https://{region}.api.example', scope: 'read' };
    const { outcome } = await login(oauth, { ...SECRET_CREDENTIALS, region: 'eu' });
    assert.ok(outcome.kind === 'granted');
    const { aud, scope } = decodeJwt<{ scope: string }>(outcome.grant.secret);
    assert.deepEqual([aud, scope], ['https://eu.api.example', 'read']);
  });

  it('that the server does not know is a failure, not a refusal: the credentials may be right', async () => {
    const oauth = { issuer: provider().issuer, resource: 'no URL' };
    assert.match(
      shown(await login(oauth, SECRET_CREDENTIALS)),
      /^failed \(status_4xx, answered\): .* code invalid_target$/,
    );
  });
});
