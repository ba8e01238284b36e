import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { load, mistakesOf } from '../support/config.ts';
import { Authority } from '../support/certificates.ts';
import { freshFolder } from '../support/files.ts';

const text = (tls: string): string => `listen:
  tls:
    certFile: a
    keyFile: b
    ${tls.replaceAll(', ', '\n    ')}
accounts:
  shop: { flow: static, credentials: { token: secret } }
routes:
  - { prefix: /shop, upstream: https://shop.example, account: shop }
`;
const PATH = 'listen.tls.clientCrlFile';

describe('listen.tls.clientCrlFile', () => {
  const folder = freshFolder();

  it('that is not there, or holds no list, is a mistake with its place', () => {
    const file = join(folder(), 'crl.pem');
    const said = (message: string): unknown => [{ path: PATH, line: 6, message }];
    assert.deepEqual(
      mistakesOf(text(`clientCaFile: c, clientCrlFile: ${file}`)),
      said(`the file ${file} cannot be read (ENOENT).`),
    );
    writeFileSync(file, 'CaNaRy');
    assert.deepEqual(
      mistakesOf(text(`clientCaFile: c, clientCrlFile: ${file}`)),
      said(`the file ${file} holds no certificate revocation list (PEM, X509 CRL).`),
    );
    writeFileSync(file, '-----BEGIN X509 CRL-----\nCaNaRy\n-----END X509 CRL-----\n');
    assert.deepEqual(
      mistakesOf(text(`clientCaFile: c, clientCrlFile: ${file}`)),
      said(`the file ${file} holds a certificate revocation list that cannot be read.`),
    );
  });

  it('needs the authority whose certificates it is about', function () {
    const authority = new Authority(this, folder());
    const file = join(folder(), 'crl.pem');
    writeFileSync(file, authority.revoke([]));
    assert.deepEqual(mistakesOf(text(`clientCrlFile: ${file}`)), [
      { path: PATH, line: 5, message: 'needs clientCaFile: without it no client certificate is requested' },
    ]);
    load(text(`clientCaFile: c, clientCrlFile: ${file}`));
  });
});
