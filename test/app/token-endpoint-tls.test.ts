import assert from 'node:assert/strict';
import type { TLSSocket } from 'node:tls';
import { call, metric } from '../support/call.ts';
import { Authority } from '../support/certificates.ts';
import { freshFolder } from '../support/files.ts';
import { closing, startCustomProxy } from '../support/custom-proxy.ts';
import { fakeTlsUpstream, fakeUpstream } from '../support/fake-upstream.ts';
import { headerValues, ownCode } from '../support/world.ts';

const PASSWORD = 'client-sEcReT-77ab10';

describe('a token endpoint over TLS', () => {
  const folder = freshFolder();
  const close = closing();

  async function stage(context: Mocha.Context, tlsOf: (authority: Authority) => object | undefined) {
    const authority = new Authority(context, folder());
    const { cert, key } = authority.forLoopback();
    const shown: unknown[] = [];
    const endpoint = await close(
      fakeTlsUpstream(
        { cert, key, ca: authority.ca, requestCert: true, rejectUnauthorized: false },
        (request, response) => {
          shown.push((request.socket as TLSSocket).getPeerCertificate().subject?.CN);
          response.setHeader('content-type', 'application/json');
          response.end('{"access_token":"granted-token","expires_in":600}');
        },
      ),
    );
    const upstream = await close(fakeUpstream());
    const tls = tlsOf(authority);
    const proxy = await close(
      startCustomProxy({
        accounts: {
          partner: {
            flow: 'oauth2',
            credentials: { tokenUrl: `${endpoint.url}/token`, clientId: 'id', clientSecret: PASSWORD },
            ...(tls && { tls }),
          },
        },
        routes: [{ prefix: '/api', upstream: upstream.url, account: 'partner' }],
      }),
    );
    return { endpoint, upstream, proxy, shown };
  }

  it("is believed with the account's caFile, and sees the account's certificate", async function () {
    const { endpoint, upstream, proxy, shown } = await stage(this, (authority) => {
      const { certFile, keyFile } = authority.issue({ cn: 'the partner account' });
      return { caFile: authority.caFile, certFile, keyFile };
    });
    assert.equal((await call(proxy.url, '/api/a')).status, 200);
    assert.equal(endpoint.seen.length, 1);
    assert.deepEqual(shown, ['the partner account']);
    assert.deepEqual(headerValues(upstream.seen[0]!.rawHeaders, 'authorization'), ['Bearer granted-token']);
  });

  it('of an unknown authority gets no password: the call counts as failed, and the API is not called', async function () {
    for (const tlsOf of [() => undefined, () => ({ caFile: new Authority(this, folder()).caFile })]) {
      const { endpoint, upstream, proxy } = await stage(this, tlsOf);
      const answer = await call(proxy.url, '/api/a');
      assert.equal(answer.status, 503);
      assert.equal(ownCode(answer), 'token_unavailable');
      assert.equal(endpoint.seen.length, 0);
      assert.equal(upstream.seen.length, 0);
      const failures = await metric(proxy.operatorUrl, 'tokenward_renewal_failures_total', {
        account: 'partner',
        reason: 'tls',
      });
      assert.ok(failures !== undefined && failures >= 1, `${failures} handshakes failed`);
      assert.ok(!proxy.lines.join('\n').includes(PASSWORD));
    }
  });
});
