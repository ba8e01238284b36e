import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { trustStore } from '../../src/authority/pkcs12.ts';
import { freshFolder } from '../support/files.ts';
import { requireTool } from '../support/tools.ts';
import { freshAuthorities } from './world.ts';

describe('the trust store for Java', function () {
  this.timeout(60_000);
  const folder = freshFolder();

  const write = async (password: string): Promise<{ file: string; certificate: string }> => {
    const { authority } = await freshAuthorities().authorities.make({ hosts: ['api.vendor.example'] });
    const file = join(folder(), 'trust.p12');
    writeFileSync(file, trustStore(authority.certificate, 'tokenward', password));
    return { file, certificate: authority.certificate };
  };
  const list = (keytool: string, file: string, password: string) =>
    spawnSync(keytool, ['-list', '-rfc', '-keystore', file, '-storepass', password], { encoding: 'utf8' });

  for (const password of [
    'changeit',
    'a longer pass-phrase, with "signs": 100 % ~of~ {them}, over one block of SHA-256',
  ]) {
    it(`has one trusted certificate, which keytool reads with the password ${password}`, async function () {
      const keytool = requireTool(this, 'keytool');
      const { file, certificate } = await write(password);
      const { stdout, status } = list(keytool, file, password);
      assert.equal(status, 0, stdout);
      assert.match(stdout, /1 entry/);
      assert.match(stdout, /Alias name: tokenward/);
      assert.match(stdout, /Entry type: trustedCertEntry/);
      const [pem] = /-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/.exec(stdout)!;
      assert.ok(new X509Certificate(pem).raw.equals(new X509Certificate(certificate).raw));
    });
  }

  it('is refused with another password, and when it was changed', async function () {
    const keytool = requireTool(this, 'keytool');
    const { file } = await write('changeit');
    assert.match(list(keytool, file, 'something').stdout, /integrity check/i);
    const { authority } = await freshAuthorities().authorities.make({ hosts: ['api.vendor.example'] });
    const bytes = trustStore(authority.certificate, 'tokenward', 'changeit');
    // A byte of the alias, which the file has in UTF-16.
    bytes[bytes.indexOf(Buffer.from('tokenward', 'utf16le').swap16()) + 1]! ^= 1;
    writeFileSync(file, bytes);
    assert.match(list(keytool, file, 'changeit').stdout, /integrity check/i);
  });

  it('is read by OpenSSL, too', async function () {
    const openssl = requireTool(this, 'openssl');
    const { file, certificate } = await write('changeit');
    const output = execFileSync(openssl, ['pkcs12', '-in', file, '-passin', 'pass:changeit', '-nokeys'], {
      encoding: 'utf8',
    });
    assert.ok(output.includes(certificate.trim()));
  });
});
