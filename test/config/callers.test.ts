import assert from 'node:assert/strict';
import { load, said, smallest } from '../support/config.ts';

const KEY = `sha256:${'ab'.repeat(32)}`;
const ANYONE =
  'with callers: none, anyone who reaches the listener can use the accounts. Give each caller a key, listen on 127.0.0.1, or set allowAnonymous: true';

describe('callers in a configuration', () => {
  for (const host of ['0.0.0.0', '::', '10.0.0.7', 'proxy.internal', '127.evil.example']) {
    it(`may not be none while ${host} is listened on`, () => {
      assert.deepEqual(said(smallest({ top: `listen: { host: "${host}" }\ncallers: none` })), [`callers: ${ANYONE}`]);
    });
  }

  it('are none if nothing is said, with the same rule', () => {
    assert.deepEqual(said(smallest({ top: 'listen: { host: 0.0.0.0 }' })), [`listen.host: ${ANYONE}`]);
  });

  for (const host of ['127.0.0.1', '127.8.9.1', 'localhost', '::1']) {
    it(`may be none on ${host}`, () => {
      assert.equal(load(smallest({ top: `listen: { host: "${host}" }\ncallers: none` })).callers, 'none');
    });
  }

  it('may be none anywhere once allowAnonymous says so', () => {
    assert.equal(
      load(smallest({ top: 'listen: { host: 0.0.0.0 }\ncallers: none\nallowAnonymous: true' })).callers,
      'none',
    );
    assert.deepEqual(said(smallest({ top: 'listen: { host: 0.0.0.0 }\ncallers: none\nallowAnonymous: false' })), [
      `callers: ${ANYONE}`,
    ]);
  });

  it('with keys may call from anywhere', () => {
    assert.equal(
      load(smallest({ top: `listen: { host: 0.0.0.0 }\ncallers: [{ name: billing, key: "${KEY}" }]` })).callers.length,
      1,
    );
  });

  it('may name routes that are there, and no others', () => {
    const callers = (prefix: string): string =>
      smallest({ top: `callers: [{ name: billing, key: "${KEY}", routes: [/shop, ${prefix}] }]` });
    load(callers('/shop'));
    assert.deepEqual(said(callers('/shops')), ['callers.0.routes.1: no route has this name; did you mean "/shop"?']);
    assert.deepEqual(said(callers('/else/where')), ['callers.0.routes.1: no route has this name']);
    assert.deepEqual(said(smallest({ top: `callers: [{ name: billing, key: "${KEY}", routes: [] }]` })), [
      'callers.0.routes: needs at least 1',
    ]);
  });

  it('have different names', () => {
    assert.deepEqual(
      said(smallest({ top: `callers: [{ name: a, key: "${KEY}" }, { name: a, key: "${KEY.replace('ab', 'cd')}" }]` })),
      ['callers.1.name: is used twice'],
    );
  });

  it('are known by a certificate only if one is asked for, and by a JWT only if an issuer is named', () => {
    assert.deepEqual(said(smallest({ top: 'callers: [{ name: a, certificate: a.example }, { name: b, jwt: b }]' })), [
      'callers.0.certificate: needs listen.tls.clientCaFile: without it no client certificate is requested',
      'callers.1.jwt: needs the section jwt: without it no JWT is accepted',
    ]);
    load(
      smallest({
        top: 'listen: { tls: { certFile: a, keyFile: b, clientCaFile: c } }\njwt: { issuer: a, audience: b, jwks: c }\ncallers: [{ name: a, certificate: a.example }, { name: b, jwt: b }]',
      }),
    );
    assert.deepEqual(
      said(smallest({ top: 'listen: { tls: { certFile: a, keyFile: b, clientCertificate: required } }' })),
      ['listen.tls.clientCertificate: needs clientCaFile: without it no client certificate can be verified'],
    );
  });

  it('have something to be known by', () => {
    assert.deepEqual(said(smallest({ top: 'callers: [{ name: a }]' })), [
      'callers.0: needs a key, a certificate or a jwt',
    ]);
  });

  it('give a digest and never a key', () => {
    for (const key of ['hunter2', KEY.slice(0, -1), KEY.replace('sha256', 'md5'), 'ab'.repeat(32)]) {
      assert.deepEqual(said(smallest({ top: `callers: [{ name: a, key: "${key}" }]` })), [
        'callers.0.key: must be a digest "sha256:<64 hex digits>"; make one with: tokenward hash-key',
      ]);
    }
  });
});
