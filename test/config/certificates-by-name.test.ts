import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { load, mistakesOf, said, smallest } from '../support/config.ts';
import { Authority } from '../support/certificates.ts';
import { freshFolder } from '../support/files.ts';

describe('listen.tls.certificates', () => {
  const folder = freshFolder();

  function text(pairs: readonly (readonly [cert: string, key: string])[], tls = ''): string {
    const entries = pairs.map(([certFile, keyFile]) => `      - { certFile: ${certFile}, keyFile: ${keyFile} }`);
    return smallest({ top: ['listen:', '  tls:', '    certificates:', ...entries, tls].join('\n') });
  }

  it('may stand beside certFile and keyFile, or alone; of those two, one needs the other', function () {
    const { certFile, keyFile } = new Authority(this, folder()).issue({ cn: 'a', names: [['DNS', 'a.example']] });
    const pair = [[certFile, keyFile]] as const;
    assert.deepEqual(load(text(pair)).listeners[0]!.tls?.certificates, [{ certFile, keyFile }]);
    assert.equal(load(text(pair, '    certFile: c\n    keyFile: d')).listeners[0]!.tls?.certFile, 'c');
    assert.deepEqual(said(text(pair, '    certFile: c')), ['listen.tls.keyFile: is missing']);
    assert.deepEqual(said(text(pair, '    keyFile: c')), ['listen.tls.certFile: is missing']);
    assert.deepEqual(said(smallest({ top: 'listen: { tls: {} }' })), [
      'listen.tls.certFile: is missing',
      'listen.tls.keyFile: is missing',
    ]);
    assert.deepEqual(said(smallest({ top: 'listen: { tls: { certificates: [] } }' })), [
      'listen.tls.certificates: needs at least 1',
    ]);
    assert.deepEqual(said(smallest({ top: 'listen: { tls: { certificates: [{ certFile: "" }] } }' })), [
      'listen.tls.certificates.0.certFile: must not be empty',
      'listen.tls.certificates.0.keyFile: is missing',
    ]);
    assert.deepEqual(said(smallest({ top: 'listen: { tls: true }' })), ['listen.tls: must be a mapping']);
  });

  it('that cannot be used are mistakes with their place', function () {
    const authority = new Authority(this, folder());
    const one = authority.issue({ cn: 'one', names: [['DNS', 'one.example']] });
    const two = authority.issue({ cn: 'two', names: [['DNS', 'two.example']] });
    const nameless = authority.issue({ cn: 'three.example', names: [['IP', '127.0.0.1']] });
    const [missing, garbage] = [join(folder(), 'missing.pem'), join(folder(), 'garbage.pem')];
    writeFileSync(garbage, 'CaNaRy');
    const cases = [
      [one.certFile, one.keyFile],
      [missing, one.keyFile],
      [garbage, one.keyFile],
      [one.certFile, missing],
      [one.certFile, garbage],
      [one.certFile, two.keyFile],
      [nameless.certFile, nameless.keyFile],
    ] as const;
    const issues = mistakesOf(text(cases));
    assert.ok(!JSON.stringify(issues).includes('CaNaRy'));
    const at = (index: number, key: string): unknown => [`listen.tls.certificates.${index}.${key}`, 4 + index];
    assert.deepEqual(
      issues.map(({ path, line }) => [path, line]),
      [at(1, 'certFile'), at(2, 'certFile'), at(3, 'keyFile'), at(4, 'keyFile'), at(5, 'keyFile'), at(6, 'certFile')],
    );
    const [gone, bad, keyGone, keyBad, mismatch, noName] = issues.map(({ message }) => message);
    assert.equal(gone, `the file ${missing} cannot be read (ENOENT).`);
    assert.match(bad!, /^the file .*garbage\.pem cannot be used for TLS \(.*\)\.$/);
    assert.equal(keyGone, `the file ${missing} cannot be read (ENOENT).`);
    assert.match(keyBad!, /^the file .*garbage\.pem cannot be used for TLS \(.*\)\.$/);
    assert.equal(mismatch, `the key in ${two.keyFile} does not belong to the certificate in ${one.certFile}`);
    assert.equal(
      noName,
      `the file ${nameless.certFile} holds no DNS name (subjectAltName) that a client could ask for.`,
    );
  });
});
