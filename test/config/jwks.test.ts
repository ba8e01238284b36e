import assert from 'node:assert/strict';
import { load, said, smallest } from '../support/config.ts';

describe('jwt.jwks', () => {
  const text = (jwks: string): string => smallest({ top: `jwt: { issuer: i, audience: a, jwks: "${jwks}" }` });

  it('is an https URL, an http URL of this host itself, or a file', () => {
    for (const jwks of [
      'https://id.example/keys',
      'http://127.0.0.1:8001/openid/v1/jwks',
      'http://localhost/keys',
      'http://[::1]:1/keys',
      '/etc/keys.json',
      './keys.json',
      'keys.json',
    ])
      load(text(jwks));
  });

  it('is nothing that somebody on the way could replace', () => {
    for (const jwks of [
      'http://id.example/keys',
      'HTTP://id.example/keys',
      'http://localhost.example/keys',
      'ftp://id.example/keys',
      'https://user:pass@id.example/keys',
    ]) {
      assert.deepEqual(
        said(text(jwks)).map((one) => one.startsWith('jwt.jwks: must be an https:// URL')),
        [true],
        jwks,
      );
    }
  });
});
