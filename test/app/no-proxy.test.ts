import assert from 'node:assert/strict';
import { egressProxy } from '../../src/app/egress-proxy.ts';

const PROXY = 'http://proxy.corp.example:3128';
const NAMES = [
  'HTTPS_PROXY',
  'https_proxy',
  'HTTP_PROXY',
  'http_proxy',
  'ALL_PROXY',
  'all_proxy',
  'NO_PROXY',
  'no_proxy',
];

/** NO_PROXY, what it exempts, and what it does not. */
const CASES: readonly (readonly [noProxy: string, direct: readonly string[], proxied: readonly string[]])[] = [
  [
    'corp.test',
    ['http://corp.test', 'https://api.corp.test:8443', 'http://a.b.corp.test'],
    ['http://mycorp.test', 'http://corp.test.example', 'http://corp'],
  ],
  ['.corp.test', ['http://api.corp.test'], ['http://mycorp.test', 'http://corp.test']],
  ['*.corp.test', ['http://api.corp.test'], ['http://mycorp.test', 'http://corp.test']],
  ['CORP.Test', ['http://API.corp.test'], ['http://mycorp.test']],
  ['corp.test.', ['http://api.corp.test', 'http://api.corp.test.'], ['http://mycorp.test']],
  [
    '10.0.0.0/8',
    ['http://10.255.255.1:8000', 'https://10.0.0.0'],
    ['http://11.0.0.1', 'http://10.example', 'http://[::1:0]'],
  ],
  ['192.168.4.0/22', ['http://192.168.7.255'], ['http://192.168.8.0']],
  ['fd00::/8', ['http://[fd12:3456::1]:8080'], ['http://[fe80::1]', 'http://10.0.0.1']],
  ['10.1.2.3', ['http://10.1.2.3:99'], ['http://10.1.2.30', 'http://210.1.2.3']],
  ['2.3', [], ['http://10.1.2.3']],
  ['2001:db8::1', ['http://[2001:db8::1]:99', 'http://[2001:0db8:0::1]'], ['http://[2001:db8::2]']],
  ['[2001:db8::1]:99', ['http://[2001:db8::1]:99'], ['http://[2001:db8::1]']],
  ['corp.test:8443', ['https://api.corp.test:8443'], ['https://api.corp.test']],
  ['corp.test:443', ['https://corp.test'], ['http://corp.test']],
  ['10.1.2.3:80', ['http://10.1.2.3'], ['http://10.1.2.3:81']],
  [
    'one.test, two.test\tthree.test,,',
    ['http://a.one.test', 'http://two.test', 'http://three.test'],
    ['http://four.test'],
  ],
  ['a.test,*', ['http://anything.example'], []],
  ['10.0.0.0/33,10.0.0.0/x,/8,:80,.', [], ['http://10.0.0.1', 'http://a.test']],
  ['', [], ['http://a.test']],
];

describe('NO_PROXY', () => {
  let saved: NodeJS.ProcessEnv;
  const clear = (): void => NAMES.forEach((name) => void Reflect.deleteProperty(process.env, name));
  beforeEach(() => {
    saved = { ...process.env };
    clear();
    Object.assign(process.env, { HTTPS_PROXY: PROXY, HTTP_PROXY: PROXY });
  });
  afterEach(() => {
    clear();
    Object.assign(process.env, Object.fromEntries(Object.entries(saved).filter(([name]) => NAMES.includes(name))));
  });

  for (const [noProxy, direct, proxied] of CASES) {
    it(`${JSON.stringify(noProxy)} is read as other programs read it`, () => {
      for (const name of ['NO_PROXY', 'no_proxy']) {
        clear();
        Object.assign(process.env, { HTTPS_PROXY: PROXY, HTTP_PROXY: PROXY, [name]: noProxy });
        const via = egressProxy({ egressProxy: 'environment' });
        for (const origin of direct) assert.equal(via(origin), '', origin);
        for (const origin of proxied) assert.equal(via(origin), PROXY, origin);
      }
    });
  }
});
