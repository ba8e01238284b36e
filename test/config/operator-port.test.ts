import assert from 'node:assert/strict';
import { load, said, smallest } from '../support/config.ts';

const KEY = `sha256:${'ab'.repeat(32)}`;

describe('the operator port in a configuration', () => {
  for (const host of ['0.0.0.0', '::', '10.0.0.7', 'ops.internal']) {
    it(`may not be on ${host} without a key`, () => {
      assert.deepEqual(said(smallest({ top: `operator: { host: "${host}" }` })), [
        'operator.host: anyone who reaches the operator port can spend logins of the accounts. Set operator.key, listen on 127.0.0.1, or set operator.allowAnonymous: true',
      ]);
      assert.equal(load(smallest({ top: `operator: { host: "${host}", key: "${KEY}" }` })).operator.key, KEY);
      assert.equal(
        load(smallest({ top: `operator: { host: "${host}", allowAnonymous: true }` })).operator.allowAnonymous,
        true,
      );
    });
  }

  it('needs none on loopback', () => {
    for (const host of ['127.0.0.1', 'localhost', '::1'])
      assert.equal(load(smallest({ top: `operator: { host: "${host}" }` })).operator.key, undefined);
  });
});
