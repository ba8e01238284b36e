import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { tokenCallSender } from '../../../src/app/token-endpoint-client.ts';
import { Authority, type Certificate } from '../../support/certificates.ts';
import { freshFolder } from '../../support/files.ts';
import { login, newCaller, shown } from './caller.ts';
import { freshProvider, secretClient } from './provider.ts';

describe('a client that shows a certificate (RFC 8705)', () => {
  const folder = freshFolder();
  let authority: Authority;
  let known: Certificate;
  const provider = freshProvider((context) => {
    authority = new Authority(context, folder());
    known = authority.issue({ cn: 'client' });
    const { raw, publicKey } = new X509Certificate(known.cert);
    return {
      tls: authority.forLoopback(),
      clients: [
        secretClient('self_signed_tls_client_auth', {
          client_secret: undefined,
          jwks: { keys: [{ ...publicKey.export({ format: 'jwk' }), x5c: [raw.toString('base64')] }] },
          tls_client_certificate_bound_access_tokens: true,
        }),
      ],
      configuration: { clientAuthMethods: ['self_signed_tls_client_auth'] },
      features: {
        mTLS: {
          enabled: true,
          selfSignedTlsClientAuth: true,
          certificateBoundAccessTokens: true,
          getCertificate: ({ socket }: { socket: { getPeerX509Certificate(): X509Certificate | undefined } }) =>
            socket.getPeerX509Certificate(),
        },
      },
    };
  });
  const oauth = (): { issuer: string; clientAuth: string } => ({ issuer: provider().issuer, clientAuth: 'tls' });

  it('gets a token with its name and no secret', async () => {
    const send = tokenCallSender({ ca: authority.ca, cert: known.cert, key: known.key }, () => '');
    assert.equal(shown(await login(oauth(), { clientId: 'my-app_1' }, newCaller({ send }))), 'granted');
    const { params, headers } = provider().judged[0]!;
    assert.deepEqual([params['client_id'], headers['authorization']], ['my-app_1', undefined]);
  });

  it('is refused with another one', async () => {
    const other = authority.issue({ cn: 'other' });
    const send = tokenCallSender({ ca: authority.ca, cert: other.cert, key: other.key }, () => '');
    const result = await login(oauth(), { clientId: 'my-app_1' }, newCaller({ send }));
    assert.equal(shown(result), 'refused: status 401, code invalid_client');
  });

  it('does not share metadata with an account that trusts the server less', async () => {
    const trusting = newCaller({
      send: tokenCallSender({ ca: authority.ca, cert: known.cert, key: known.key }, () => ''),
    });
    await login(oauth(), { clientId: 'my-app_1' }, trusting);
    const distrusting = { ...trusting, send: tokenCallSender({}, () => '') };
    assert.match(
      shown(await login(oauth(), { clientId: 'my-app_1' }, distrusting)),
      /^failed \(tls, unsent\): the metadata/,
    );
  });
});
