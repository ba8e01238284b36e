import assert from 'node:assert/strict';
import { CertificateNames, dnsNamesOf } from '../../src/http/certificate-names.ts';
import { Authority } from '../support/certificates.ts';
import { freshFolder } from '../support/files.ts';

describe('names of certificates', () => {
  const folder = freshFolder();

  it('are the DNS names among the alternative ones, and nothing else', function () {
    const authority = new Authority(this, folder());
    const { cert } = authority.issue({
      cn: 'common.example',
      names: [
        ['DNS', 'API.Vendor.example'],
        ['IP', '127.0.0.1'],
        ['DNS', '*.vendor.example'],
        ['URI', 'https://other.example/, DNS:planted.example, x'],
      ],
    });
    assert.deepEqual(dnsNamesOf(cert), ['api.vendor.example', '*.vendor.example']);
    // Of a chain, only those of the first.
    assert.deepEqual(dnsNamesOf(`${authority.ca}${cert}`), []);
    assert.deepEqual(dnsNamesOf('no PEM'), []);
  });

  it('are found as they are, then by a wildcard for exactly one label; the first of equals counts', () => {
    const names = new CertificateNames<string>();
    names.add('*.vendor.example', 'wildcard');
    names.add('api.vendor.example', 'exact');
    names.add('api.vendor.example', 'later');
    names.add('*.vendor.example', 'later');
    for (const [name, found] of [
      ['api.vendor.example', 'exact'],
      ['www.vendor.example', 'wildcard'],
      ['a.api.vendor.example', undefined],
      ['vendor.example', undefined],
      ['.vendor.example', undefined],
      ['*.vendor.example', 'wildcard'],
      ['example', undefined],
      ['', undefined],
      ['other.example', undefined],
    ] as const)
      assert.equal(names.find(name), found, name);
  });
});
