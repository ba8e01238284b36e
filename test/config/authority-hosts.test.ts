import assert from 'node:assert/strict';
import { authorityHosts } from '../../src/config/authority-hosts.ts';

describe('the hosts of the authority', () => {
  const hostsOf = (...upstreams: readonly string[]): string[] =>
    authorityHosts({ routes: upstreams.map((upstream) => ({ upstream })) });

  it("are those of the routes' https upstreams, each once and in order", () => {
    assert.deepEqual(hostsOf('https://b.example/x', 'https://a.example:8443', 'https://B.example'), [
      'a.example',
      'b.example',
    ]);
  });

  it('may be IP addresses, and names of other scripts in their ASCII form', () => {
    assert.deepEqual(hostsOf('https://[::1]:1', 'https://10.1.2.3', 'https://bücher.example'), [
      '10.1.2.3',
      '::1',
      'xn--bcher-kva.example',
    ]);
  });

  it('are none for http, and for an upstream that an answer names', () => {
    assert.deepEqual(hostsOf('http://a.example', 'https://*.vendor.example'), []);
  });
});
