import assert from 'node:assert/strict';
import { authorityHosts } from '../../src/config/authority-hosts.ts';

describe('the hosts of the authority', () => {
  it('are those of the routes, each once and in order', () => {
    const routes = ['b.example', undefined, 'a.example', 'b.example'].map((host) => ({ host }));
    assert.deepEqual(authorityHosts({ routes }), ['a.example', 'b.example']);
  });
});
