import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Authority, type Certificate } from '../../support/certificates.ts';
import { decoded, makeOne } from './making.ts';

describe('a made JWT names its certificate', () => {
  let folder: string;
  let authority: Authority;
  let own: Certificate;
  before(function () {
    folder = mkdtempSync(join(tmpdir(), 'tokenward-x5t-'));
    authority = new Authority(this, folder);
    own = authority.issue({ cn: 'client' });
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const headerWith = async (certificate: string, more: object = {}): Promise<Record<string, unknown>> => {
    const jwt = { alg: 'ES256', key: '{key}', certificate: '{certificate}', ...more };
    return decoded(await makeOne({ jwt }, { key: own.key, certificate })).header;
  };

  it('by x5t and x5t#S256, and with x5c by the chain', async () => {
    const der = new X509Certificate(own.cert).raw;
    const thumbprints = {
      x5t: createHash('sha1').update(der).digest('base64url'),
      'x5t#S256': createHash('sha256').update(der).digest('base64url'),
    };
    const { alg: _alg, typ: _typ, ...header } = await headerWith(own.cert);
    assert.deepEqual(header, thumbprints);
    const withChain = await headerWith(`${own.cert}\n${authority.ca}`.replaceAll('\n', '\\n'), { x5c: true });
    assert.deepEqual(withChain['x5c'], [
      der.toString('base64'),
      new X509Certificate(authority.ca).raw.toString('base64'),
    ]);
    assert.equal(withChain['x5t'], thumbprints.x5t);
  });

  it('which must be one, and belong to the key', async () => {
    await assert.rejects(headerWith('nonsense'), { message: 'make.made.jwt.certificate is no certificate' });
    await assert.rejects(headerWith('-----BEGIN CERTIFICATE-----\nMTIz\n-----END CERTIFICATE-----'), {
      message: 'make.made.jwt.certificate is no certificate',
    });
    await assert.rejects(headerWith(authority.issue({ cn: 'other' }).cert), {
      message: 'make.made.jwt.certificate belongs to another key than make.made.jwt.key',
    });
  });
});
