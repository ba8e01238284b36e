import assert from 'node:assert/strict';
import { login, shown } from './caller.ts';
import { freshEndpoint, GRANT, no } from './endpoint.ts';

describe('endpoints for clients with a certificate (RFC 8705 §5)', () => {
  const endpoint = freshEndpoint();
  beforeEach(() => {
    const { url } = endpoint();
    endpoint().answer = ({ path }) =>
      path.startsWith('/.well-known/')
        ? {
            body: {
              issuer: url,
              token_endpoint: `${url}/token`,
              mtls_endpoint_aliases: { token_endpoint: `${url}/mtls` },
            },
          }
        : path === '/mtls'
          ? GRANT
          : no('invalid_client', 401);
  });

  it('are used by a client that shows one', async () => {
    assert.equal(shown(await login({ issuer: endpoint().url, clientAuth: 'tls' }, { clientId: 'c' })), 'granted');
  });

  it('are not used by others', async () => {
    assert.equal(
      shown(await login({ issuer: endpoint().url, clientAuth: 'none' }, { clientId: 'c' })),
      'refused: status 401, code invalid_client',
    );
  });
});
