import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Authority } from '../support/certificates.ts';
import { closing, startCustomProxy } from '../support/custom-proxy.ts';
import { fakeUpstream } from '../support/fake-upstream.ts';
import { freshFolder } from '../support/files.ts';
import { operator } from '../support/operator.ts';

describe("a certificate's end in /metrics", () => {
  const folder = freshFolder();
  const close = closing();

  it("is that of each of the listener's certificates, by the first host that it names", async function () {
    const authority = new Authority(this, folder());
    const first = authority.issue({ cn: 'first', names: [['DNS', 'first.example']] });
    const second = authority.issue({ cn: 'second', names: [['DNS', 'second.example']] });
    const upstream = await close(fakeUpstream());
    const proxy = await close(
      startCustomProxy({
        listen: {
          tls: {
            certFile: first.certFile,
            keyFile: first.keyFile,
            certificates: [{ certFile: second.certFile, keyFile: second.keyFile }],
          },
        },
        routes: [{ prefix: '/', upstream: upstream.url }],
      }),
    );
    const { text } = await operator(proxy).get('/metrics').expect(200);
    for (const [name, { certFile }] of [
      ['first.example', first],
      ['second.example', second],
    ] as const) {
      const ends = Date.parse(new X509Certificate(readFileSync(certFile)).validTo) / 1000;
      assert.ok(text.includes(`tokenward_certificate_expiry_timestamp_seconds{name="${name}"} ${ends}\n`), name);
    }
  });
});
