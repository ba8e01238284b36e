import assert from 'node:assert/strict';
import { errorOf, mistakesOf } from '../support/config.ts';

const WRONG = `listen: { host: 0.0.0.0, prot: 8080 }
store:
  type: embedded
  key: too-short
callers:
  - name: billing
    key: plain
    routes: [/crn]
accounts:
  crm:
    flow: chatap
    credentials: { email: "\${MISSING_EMAIL}" }
  shop:
    flow: softline
    credentials: { usrname: a }
routes:
  - prefix: /crm/
    upstream: ftp://crm.example
    account: crmm
  - { prefix: /shop, upstream: https://shop.example, account: shop, timeouts: { connect: soon } }
  - { prefix: /shop, upstream: https://shop.example, account: shop, replay: perhaps }
`;

describe('a configuration with mistakes', () => {
  it('is refused with all of them at once, each with its path and line', () => {
    const found = mistakesOf(WRONG).map(({ path, line }) => `${line} ${path}`);
    assert.deepEqual(found, [
      '1 listen.prot',
      '4 store.key',
      '7 callers.0.key',
      '8 callers.0.routes.0',
      '11 accounts.crm.flow',
      '12 accounts.crm.credentials.email',
      '12 accounts.crm.credentials',
      '12 accounts.crm.credentials',
      '15 accounts.shop.credentials',
      '15 accounts.shop.credentials',
      '15 accounts.shop.credentials.usrname',
      '17 routes.0.prefix',
      '18 routes.0.upstream',
      '19 routes.0.account',
      '20 routes.1.timeouts.connect',
      '21 routes.2.replay',
      '21 routes.2.prefix',
    ]);
  });

  it('is described in one text that names the file and counts', () => {
    const { message, file } = errorOf(WRONG);
    assert.equal(file, 'test.yaml');
    const [head, ...lines] = message.split('\n');
    assert.equal(head, 'test.yaml: 17 errors');
    assert.equal(lines.length, 17);
    for (const line of lines) assert.match(line, /^ {2}line \d+: \S+( \(\S+\))?: \S/);
  });

  it('counts a single one in the singular', () => {
    assert.match(errorOf('accounts: 1\nroutes: 1\nlog: 1').message, /: 3 errors$/m);
    assert.match(errorOf('a: b: c').message, /: 1 error$/m);
  });
});
